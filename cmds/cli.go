package cmds

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"forager/board"
	"forager/cmds/config"
	"forager/conn"
	"forager/pots/persona"
)

// Check validates the configuration, the files and the user that it names
// included, and prints what is in effect (forager check).
func Check(w io.Writer, args []string) error {
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	_, secure := c.TLSConfig()
	_, device := persona.Load(c.Persona, "")
	if err := errors.Join(secure, device, checkUser(c), checkListens(c)); err != nil {
		return err
	}
	return c.Write(w)
}

func checkUser(c *config.Config) error {
	if c.User == "" {
		return nil
	}
	_, err := board.Accounts{}.Find(c.User)
	return err
}

// checkListens finds pots that want the same address.
func checkListens(c *config.Config) (err error) {
	at := make(map[string]string)
	for i := range c.Pots {
		p := &c.Pots[i]
		network := "tcp"
		if p.Type == "udp" {
			network = p.Type
		}
		key := network + " " + p.Listen
		if other, taken := at[key]; taken && !strings.HasSuffix(p.Listen, ":0") {
			err = errors.Join(err, fmt.Errorf("pots %s and %s both listen on %s (-pot)", other, p.ID, p.Listen))
		}
		at[key] = p.ID
	}
	return err
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
