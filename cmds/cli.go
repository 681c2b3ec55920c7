package cmds

import (
	"io"

	"forager/cmds/config"
	"forager/conn"
)

// Check validates the configuration, the TLS files included, and prints what
// is in effect (forager check).
func Check(w io.Writer, args []string) error {
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	if _, err := c.TLSConfig(); err != nil {
		return err
	}
	return c.Write(w)
}

// ShowStatus prints what the running node says of itself (forager status).
func ShowStatus(w io.Writer, args []string) error {
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	return AskStatus(w, c.Control)
}

// Enrol prints the secret for one-time codes, which is made if there is none
// (forager totp).
func Enrol(w io.Writer, args []string) error {
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	if _, err := config.OpenState(c.StateDir); err != nil {
		return err
	}
	t, err := conn.LoadTOTP(c.StateDir, c.NodeName)
	if err != nil {
		return err
	}
	uri, err := t.URI()
	if err != nil {
		return err
	}
	return WriteEnrolment(w, uri)
}
