// Command devcore is a HoneyBee Core to develop a node against. It prints
// every message that it accepts as one JSON line on stdout, and everything
// else on stderr. Commands come in on the backend port.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"forager/build/devcore/core"
)

// quietCheck keeps -quiet honest at a tenth of the cost of checking all.
const quietCheck = 16

// options are the flags, as given.
type options struct {
	core.Config
	tlsCert, tlsKey, tlsClientCA string
	events                       string
	quiet                        bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("devcore: ")
	opts, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		os.Exit(2) // said by the flag package already
	}
	if err := run(opts); err != nil {
		log.Fatal(err)
	}
}

func parse(args []string, usage io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("devcore", flag.ContinueOnError)
	fs.SetOutput(usage)
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:9001", "`address` for nodes")
	fs.StringVar(&o.Backend, "backend", "127.0.0.1:9002", "`address` for backends, which send commands")
	fs.BoolVar(&o.Strict, "strict", false, "refuse what the Core in use refuses: one read of 4096 bytes is one frame, no PotEvent, a refusal closes")
	fs.StringVar(&o.tlsCert, "tls-cert", "", "`file` with the certificate (PEM): speak TLS 1.3 to nodes")
	fs.StringVar(&o.tlsKey, "tls-key", "", "`file` with its key (PEM)")
	fs.StringVar(&o.tlsClientCA, "tls-client-ca", "", "`file` with the CA (PEM) that nodes' certificates must come from")
	fs.StringVar(&o.TOTP, "totp", "", "base32 `secret` to check totp_code against; \"new\" hands each node one at its first registration")
	fs.StringVar(&o.events, "events", "", "`file` to append the content of every PotEvent to, one a line, also of those packed in alarms")
	fs.BoolVar(&o.quiet, "quiet", false, fmt.Sprintf("count messages without printing them, and check fully only one PotEvent in %d if it need not go to -events: for measuring; the backend command \"GetStats\" tells the counts", quietCheck))
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	err := o.validate(fs.NArg())
	if err != nil {
		fmt.Fprintln(usage, "devcore:", err)
	}
	return o, err
}

func (o *options) validate(rest int) error {
	switch {
	case rest > 0:
		return errors.New("flags only, no arguments")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case o.tlsClientCA != "" && o.tlsCert == "":
		return errors.New("-tls-client-ca needs -tls-cert and -tls-key")
	}
	return nil
}

// run serves until SIGINT, SIGTERM or a failed write.
func run(o *options) error {
	cfg := o.Config
	cfg.Keep = -1
	cfg.Log = log.Printf
	if !o.quiet {
		cfg.Output = os.Stdout
	} else if o.events == "" && !o.Strict {
		cfg.CheckEvery = quietCheck
	}
	if o.events != "" {
		f, err := os.OpenFile(o.events, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("-events: %w", err)
		}
		defer f.Close()
		cfg.Events = f
	}
	if o.tlsCert != "" {
		var err error
		if cfg.TLS, err = core.ServerTLS(o.tlsCert, o.tlsKey, o.tlsClientCA); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	c, err := core.Start(cfg)
	if err != nil {
		return err
	}
	log.Printf("nodes on %s, backends on %s", c.Addr(), c.BackendAddr())
	select {
	case <-signals:
	case <-c.Done():
	}
	err = c.Close()
	s := c.Stats()
	log.Printf("%d connections, %d messages accepted, %d refused, %d pot events", s.Connections, s.Frames, s.Refused, s.PotEvents)
	return err
}
