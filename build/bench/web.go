//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// webLogins: connect, post a form with a user and a password, read the answer
// to the end of the connection.
var webLogins = brute{
	what: "web logins", pot: "http listen=%s auth=form", tries: 1, event: "http.login.failed", n: 40_000,
	limit: 60, peers: "best of the others 67", session: webLogin,
}

const webRequest = "POST /login.cgi HTTP/1.1\r\nHost: 192.168.1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\nConnection: close\r\n\r\nusername=admin&password=12345"

func webLogin(i int, addr string) error {
	c, err := dialSoon(i, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, webRequest); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		err = fmt.Errorf("answer %.100q", answer)
	}
	return err
}
