//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"time"
)

// idleConns is how many connections wait: enough that what the first few make
// the node load does not count.
const idleConns = 1000

// measureConns opens telnet connections that wait at the login prompt, and
// divides what the node's private memory has grown by.
func measureConns(b *bench) ([]row, error) {
	nd, addr, err := startPots(b, nil)
	if err != nil {
		return nil, err
	}
	defer nd.stop()
	time.Sleep(time.Second)
	before, err := memoryOf(nd.pid())
	if err != nil {
		return nil, err
	}
	for i := range idleConns {
		c, err := dialFrom(i, addr)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		if err := await(c, "login: "); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	time.Sleep(2 * time.Second)
	after, err := memoryOf(nd.pid())
	if err != nil {
		return nil, err
	}
	each := (after.dirty - before.dirty) / idleConns / 1024
	return []row{
		limit(fmt.Sprintf("%d idle telnet connections: private memory each", idleConns), each, 6, "KB", "Go peers 10 to 11"),
	}, nil
}

// await reads until the text ends with word.
func await(c net.Conn, word string) error {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var got []byte
	buf := make([]byte, 512)
	for !bytes.HasSuffix(got, []byte(word)) {
		n, err := c.Read(buf)
		if got = append(got, buf[:n]...); err != nil || len(got) > 4096 {
			return fmt.Errorf("no %q: %w, after %.200q", word, err, got)
		}
	}
	return nil
}
