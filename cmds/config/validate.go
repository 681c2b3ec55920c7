package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"forager/board"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots"
)

// Limits of values.
const (
	maxPath      = 4095 // bytes, PATH_MAX without its NUL
	maxSocket    = 107  // bytes, sun_path without its NUL (unix(7))
	maxAddress   = 255  // bytes of a host name (RFC 1035 section 2.3.4)
	minHeartbeat = time.Second
	maxHeartbeat = time.Hour
	maxClockWait = 24 * time.Hour
	maxNice      = 19 // setpriority(2)
)

// off is another word for an empty value, which no variable can have.
const off = "off"

// validate is the second stage. It collects every error, so that an operator
// mends a file in one go.
func validate(r *raw) (*Config, error) {
	c := &Config{File: r.file, Nice: -1, settings: *r}
	var errs []error
	for _, o := range options {
		for _, v := range r.of(o) {
			if err := o.apply(c, v.text); err != nil {
				errs = append(errs, o.explain(v, err))
			}
		}
	}
	var err error
	if c.Pots, err = pots.Resolve(c.Pots, nil); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkTLS())
	if c.NodeName == "" {
		c.NodeName = hostname()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func (o *option) apply(c *Config, text string) error {
	if len(text) > maxLine {
		return fmt.Errorf("longer than %d bytes", maxLine)
	}
	if err := checkText(text); err != nil {
		return err
	}
	return o.set(c, text)
}

// explain makes an error that names the option and the place of the value.
func (o *option) explain(v found, err error) error {
	if v.place == "-"+o.name {
		return fmt.Errorf("%s %q: %w", v.place, cut(v.text), err)
	}
	if strings.Contains(err.Error(), "(-"+o.name+")") {
		return fmt.Errorf("%s: %s %q: %w", v.place, o.name, cut(v.text), err)
	}
	return fmt.Errorf("%s: %s %q: %w (-%s)", v.place, o.name, cut(v.text), err, o.name)
}

// checkTLS checks what belongs together. TLS settings without TLS are an
// error, since the operator believes the link to be encrypted.
func (c *Config) checkTLS() error {
	t := &c.TLS
	switch {
	case !t.On && (t.CA != "" || t.Cert != "" || t.Key != "" || t.Insecure):
		return errors.New("-tls-ca, -tls-cert, -tls-key and -tls-insecure need -tls")
	case t.Cert != "" && t.Key == "":
		return errors.New("-tls-cert needs -tls-key")
	case t.Key != "" && t.Cert == "":
		return errors.New("-tls-key needs -tls-cert")
	}
	return nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || checkName(name) != nil {
		return "forager"
	}
	return name
}

func setCore(c *Config, s string) error {
	if err := checkHostPort(s); err != nil {
		return err
	}
	if !slices.Contains(c.Cores, s) {
		c.Cores = append(c.Cores, s)
	}
	return nil
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return errors.New("want host:port, [host]:port for IPv6")
	}
	if len(host) > maxAddress || strings.ContainsAny(host, " \t/@\"'") {
		return errors.New("want a host name or an address before the port")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("want a port from 1 to 65535")
	}
	return nil
}

func setDialect(c *Config, s string) error { return oneOf(&c.Dialect, s, "auto", "spec", "core") }

func oneOf[T ~string](dst *T, s string, words ...T) error {
	if !slices.Contains(words, T(s)) {
		return fmt.Errorf("want one of %v", words)
	}
	*dst = T(s)
	return nil
}

func setBool(dst *bool, s string) (err error) {
	if *dst, err = strconv.ParseBool(s); err != nil {
		return errors.New("want true or false")
	}
	return nil
}

func setTLS(c *Config, s string) error         { return setBool(&c.TLS.On, s) }
func setTLSCA(c *Config, s string) error       { return setPath(&c.TLS.CA, s) }
func setTLSCert(c *Config, s string) error     { return setPath(&c.TLS.Cert, s) }
func setTLSKey(c *Config, s string) error      { return setPath(&c.TLS.Key, s) }
func setTLSInsecure(c *Config, s string) error { return setBool(&c.TLS.Insecure, s) }
func setTOTP(c *Config, s string) error        { return setBool(&c.TOTP, s) }

func setTLSServerName(c *Config, s string) error {
	if s == "" || len(s) > maxAddress {
		return fmt.Errorf("want a name of 1 to %d bytes", maxAddress)
	}
	c.TLS.ServerName = s
	return nil
}

// setPath takes a file's path; empty is none.
func setPath(dst *string, s string) error {
	if len(s) > maxPath {
		return fmt.Errorf("path longer than %d bytes", maxPath)
	}
	*dst = s
	return nil
}

func setNodeName(c *Config, s string) error {
	c.NodeName = s
	return checkName(s)
}

func checkName(s string) error {
	if s == "" || len(s) > wire.MaxName {
		return fmt.Errorf("want a name of 1 to %d bytes", wire.MaxName)
	}
	return nil
}

func setNodeID(c *Config, s string) (err error) {
	if c.NodeID, err = strconv.ParseUint(s, 10, 64); err != nil || c.NodeID == 0 {
		return errors.New("want a whole number from 1 to 2^64-1")
	}
	return nil
}

func setNodeType(c *Config, s string) error { return oneOf(&c.NodeType, s, wire.Full, wire.Agent) }

func setNodeAddress(c *Config, s string) error {
	if s == "" || len(s) > maxAddress {
		return fmt.Errorf("want an address of 1 to %d bytes", maxAddress)
	}
	c.NodeAddress = s
	return nil
}

func setNodePort(c *Config, s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return errors.New("want a port from 0 to 65535")
	}
	c.NodePort = uint16(n)
	return nil
}

func setStateDir(c *Config, s string) error {
	if s == "" {
		return errors.New("want a directory")
	}
	return setPath(&c.StateDir, s)
}

func setHeartbeat(c *Config, s string) error {
	return setDuration(&c.Heartbeat, s, minHeartbeat, maxHeartbeat)
}

func setClockWait(c *Config, s string) error {
	return setDuration(&c.ClockWait, s, 0, maxClockWait)
}

func setDuration(to *time.Duration, s string, least, most time.Duration) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("want a duration with its unit, like 30s or 1m30s")
	}
	if d < least || d > most {
		return fmt.Errorf("want %v to %v", least, most)
	}
	*to = d
	return nil
}

func setIntake(c *Config, s string) error {
	if s == "" || s == off {
		return nil
	}
	c.Intake = s
	return checkHostPort(s)
}

func setRingSize(c *Config, s string) error {
	n, err := parseSize(s, ring.MinSize, ring.MaxSize)
	c.RingSize = int(n)
	return err
}

func setSpoolSize(c *Config, s string) (err error) {
	if s == "0" {
		c.SpoolSize = 0
		return nil
	}
	c.SpoolSize, err = parseSize(s, ring.MinSpool, ring.MaxSpool)
	return err
}

// parseSize reads a number of bytes.
func parseSize(s string, least, most int64) (int64, error) {
	digits, shift := s, 0
	switch {
	case strings.HasSuffix(s, "K"):
		digits, shift = s[:len(s)-1], 10
	case strings.HasSuffix(s, "M"):
		digits, shift = s[:len(s)-1], 20
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, errors.New("want bytes, like 1048576 or 1M")
	}
	size := int64(n) << shift
	if size < least || size > most {
		return 0, fmt.Errorf("want %d to %d bytes", least, most)
	}
	return size, nil
}

func setPot(c *Config, s string) error {
	spec, err := pots.ParseSpec(s)
	if inner := errors.Unwrap(err); inner != nil {
		return inner // without the line, which explain shows
	}
	c.Pots = append(c.Pots, spec)
	return err
}

func setPersona(c *Config, s string) error {
	c.Persona = s
	return checkName(s)
}

func setPotsAllow(c *Config, s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return errors.New("want a glob; a [ must be closed")
	}
	c.PotsAllow = append(c.PotsAllow, s)
	return nil
}

// setIgnore takes a network or one address.
func setIgnore(c *Config, s string) error {
	p, err := netip.ParsePrefix(s)
	if a, e := netip.ParseAddr(s); e == nil && a.Zone() == "" {
		p, err = a.Prefix(a.BitLen())
	}
	if err != nil {
		return errors.New("want a network like 192.0.2.0/24 or 2001:db8::/48, or an address")
	}
	if p.Addr().Is4In6() {
		return errors.New("want IPv4 as such, without ::ffff: before it")
	}
	if p.Bits() == 0 {
		return errors.New("this is every address, and no pot would see anything")
	}
	c.Ignore = append(c.Ignore, p.Masked())
	return nil
}

func setUser(c *Config, s string) error {
	c.User = s
	if s == "" {
		return nil
	}
	return board.CheckAccount(s)
}

func setSandbox(c *Config, s string) error {
	c.Sandbox = s == "on"
	if s != "on" && s != "off" {
		return errors.New("want on or off")
	}
	return nil
}

func setNice(c *Config, s string) error {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n > maxNice {
		return fmt.Errorf("want 0 to %d", maxNice)
	}
	c.Nice = int(n)
	return nil
}

func setWatchdog(c *Config, s string) error { return setAbsolute(&c.Watchdog, s) }

func setHeartbeatFile(c *Config, s string) error { return setAbsolute(&c.HeartbeatFile, s) }

func setLED(c *Config, s string) error {
	c.LED = s
	if s == "" {
		return nil
	}
	return board.CheckLED(s)
}

func setFacts(c *Config, s string) error { return setBool(&c.Facts, s) }

// setAbsolute takes a path that means the same wherever the node is started;
// empty is none.
func setAbsolute(dst *string, s string) error {
	if s != "" && !path.IsAbs(s) {
		return errors.New("want a path that begins with /")
	}
	return setPath(dst, s)
}

func setControl(c *Config, s string) error {
	if s == off {
		return nil
	}
	if len(s) > maxSocket {
		return fmt.Errorf("path longer than %d bytes", maxSocket)
	}
	c.Control = s
	return nil
}

func setLogLevel(c *Config, s string) (err error) {
	if c.LogLevel, err = board.ParseLevel(s); err != nil {
		return errors.New("want error, warn, info or debug")
	}
	return nil
}
