//go:build linux

package main

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshTries is how many passwords a session tries.
const sshTries = 3

// sshLogins: a key exchange (curve25519, an ed25519 host key), three passwords,
// all refused.
var sshLogins = brute{
	what: "ssh logins of three tries", pot: "ssh listen=%s accept=never keys=ed25519", tries: sshTries, event: "ssh.login.failed", n: 8_000,
	limit: 900, peers: "Go pots 1021 to 1804, Cowrie 5311", session: sshLogin,
}

func sshLogin(i int, addr string) error {
	c, err := dialSoon(i, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, _, _, err = ssh.NewClientConn(c, addr, &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}},
		User:              "root",
		Auth:              []ssh.AuthMethod{ssh.RetryableAuthMethod(ssh.Password("xc3511"), sshTries)},
		HostKeyCallback:   ssh.InsecureIgnoreHostKey(),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err == nil {
		return errors.New("a password was taken")
	}
	if !strings.Contains(err.Error(), "unable to authenticate") {
		return err
	}
	return nil
}
