package cmds

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"forager/board"

	"golang.org/x/sys/unix"
)

// Limits of the control socket.
const (
	maxRequest  = 256             // bytes of a request's line
	maxReport   = 256 << 10       // bytes of an answer that is read
	controlTime = 5 * time.Second // for a request and its answer
	maxAsking   = 4               // connections at once; the rest wait in the kernel
	askStatus   = "status"
)

// Control is the socket that forager status asks. It belongs to the node's
// user (0600), takes one line and gives one text.
type Control struct {
	Path   string        // empty: off
	Status func() []byte // the answer to "status"
	Log    *board.Log

	listener *net.UnixListener
	proofs   board.Proofs
}

// Bind makes the socket. What a dead node left at Path is replaced; a live
// one is left alone, and so is anything that is no socket. The error names
// -control. It must be called before the process has other goroutines that
// create files, since the mode comes from the umask.
func (c *Control) Bind() error {
	left := board.LeftOpen(controlName)
	if left != nil {
		defer left.Close()
	}
	if c.Path == "" {
		return nil
	}
	if c.listener = c.inherit(left); c.listener != nil {
		return nil
	}
	l, err := listenControl(c.Path)
	if errors.Is(err, unix.EADDRINUSE) {
		if err = removeStale(c.Path); err == nil {
			l, err = listenControl(c.Path)
		}
	}
	if err != nil {
		return fmt.Errorf("control socket: %w (-control)", err)
	}
	c.listener = l
	return nil
}

// controlName is what the socket is called between one program and the next.
const controlName = "CONTROL"

// inherit takes the socket from the program that restarted itself as this one,
// which may no longer have the right to make another.
func (c *Control) inherit(left *os.File) *net.UnixListener {
	if left == nil {
		return nil
	}
	any, err := net.FileListener(left)
	if err != nil {
		return nil
	}
	l, ok := any.(*net.UnixListener)
	if !ok || l.Addr().String() != c.Path {
		any.Close() // another path now
		return nil
	}
	l.SetUnlinkOnClose(true)
	return l
}

// Keep has Run leave the socket as it is at its end, and returns it for
// board.Replace. Whoever asks meanwhile waits for the next program. It is
// called before the end of Run's context.
func (c *Control) Keep() map[string]*os.File {
	if c.listener == nil {
		return nil
	}
	f, err := c.listener.File()
	if err != nil {
		return nil
	}
	c.listener.SetUnlinkOnClose(false)
	return map[string]*os.File{controlName: f}
}

func listenControl(path string) (*net.UnixListener, error) {
	defer unix.Umask(unix.Umask(0o177))
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	conn, err := net.DialTimeout("unix", path, controlTime)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another node runs and answers at %s", path)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// Run answers until ctx ends, then removes the socket. Without a socket it
// waits for that.
func (c *Control) Run(ctx context.Context) error {
	if c.listener == nil {
		<-ctx.Done()
		return nil
	}
	stop := context.AfterFunc(ctx, func() { c.listener.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.proofs.Answer(true)
	free := make(chan struct{}, maxAsking)
	for {
		conn, err := c.accept(ctx)
		if err != nil {
			return nil // closed
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			c.serve(conn)
		})
	}
}

// Alive returns nil once the accept loop has shown that it runs, or an error
// soon after ctx has ended. Without a socket there is none.
func (c *Control) Alive(ctx context.Context) error {
	if c.listener == nil {
		return nil
	}
	return board.Await(ctx, c.proofs.Ask(func() { _ = c.listener.SetDeadline(time.Unix(1, 0)) }))
}

// accept goes on after an error, as of too many open files, until ctx ends.
func (c *Control) accept(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := c.listener.Accept()
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			_ = c.listener.SetDeadline(time.Time{})
			c.proofs.Answer(false)
			continue
		}
		c.Log.Warnf("control socket: %v (-control)", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (c *Control) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(controlTime))
	line, err := bufio.NewReaderSize(conn, maxRequest).ReadSlice('\n')
	switch {
	case err != nil:
		_, _ = io.WriteString(conn, "error: want one line of at most 256 bytes\n")
	case strings.TrimSpace(string(line)) != askStatus:
		_, _ = io.WriteString(conn, "error: the only request is status\n")
	default:
		_, _ = conn.Write(c.Status())
	}
}

// AskStatus asks the node that listens at path and copies its answer to w.
func AskStatus(w io.Writer, path string) error {
	if path == "" {
		return errors.New("the control socket is off (-control)")
	}
	conn, err := net.DialTimeout("unix", path, controlTime)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("no node runs at %s (-control)", path)
	}
	if err != nil {
		return fmt.Errorf("asking the node: %w (-control)", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(controlTime))
	if _, err = io.WriteString(conn, askStatus+"\n"); err == nil {
		_, err = io.Copy(w, io.LimitReader(conn, maxReport))
	}
	if err != nil {
		return fmt.Errorf("asking the node: %w (-control)", err)
	}
	return nil
}
