package pots

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of a Spec.
const (
	// MaxPots is how many pots a node has.
	MaxPots = 64
	// maxLine is the longest -pot line in bytes.
	maxLine = 8 << 10
	// maxOptions is how many options a pot takes.
	maxOptions = 64
	// maxKey and maxValue are the longest option in bytes.
	maxKey, maxValue = 64, 4096
	// maxID is the longest pot id in bytes; Core's words for it are
	// [A-Za-z0-9._-]{1,64}, not starting with a dot.
	maxID = 64
)

// Spec says what pot to run.
type Spec struct {
	ID         string // unique in the node; empty: Resolve finds one
	Type       string
	Listen     string // 0.0.0.0:23 is IPv4 alone, [::]:23 IPv6 alone, :23 both
	ReportPort uint16 // the public port that events name as dst_port; 0: the one it listens on
	Options    map[string]string
	Source     Source // of a pot that is a program of its own; Listen and ReportPort are empty then
}

// Equal tells whether both specs make the same pot.
func (s Spec) Equal(o Spec) bool {
	return s.ID == o.ID && s.Type == o.Type && s.Listen == o.Listen && s.ReportPort == o.ReportPort &&
		s.Source == o.Source && maps.Equal(s.Options, o.Options)
}

// String writes the spec as the line that ParseSpec reads.
func (s Spec) String() string {
	b := []byte(s.Type)
	if s.ID != "" {
		b = appendOption(b, "id", s.ID)
	}
	b = appendOption(b, "listen", s.Listen)
	if s.ReportPort != 0 {
		b = appendOption(b, "report-port", strconv.Itoa(int(s.ReportPort)))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Options)) {
		b = appendOption(b, key, s.Options[key])
	}
	return string(b)
}

// ParseSpec reads "TYPE [id=ID] listen=ADDR [report-port=N] [key=value…]". A
// value in double quotes may hold spaces and the escapes \\ \" \n \r \t \e and
// \xNN; outside of quotes a backslash is a backslash.
func ParseSpec(line string) (Spec, error) {
	s, err := parseSpec(line)
	if err == nil && s.Listen == "" {
		err = errors.New("listen=ADDR is missing")
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Spec{}, fmt.Errorf("pot %s: %w (-pot)", quote(line), err)
	}
	return s, nil
}

func parseSpec(line string) (Spec, error) {
	if len(line) > maxLine {
		return Spec{}, fmt.Errorf("%d bytes, want at most %d", len(line), maxLine)
	}
	typ, rest := cutWord(line)
	s := Spec{Type: typ}
	if !BuiltIn(typ) {
		return Spec{}, errType(typ)
	}
	for rest != "" {
		key, value, next, err := cutOption(rest)
		if err != nil {
			return Spec{}, err
		}
		if err := s.set(key, value); err != nil {
			return Spec{}, err
		}
		rest = next
	}
	return s, nil
}

// set takes one key=value; each may come once.
func (s *Spec) set(key, value string) error {
	twice := false
	switch key {
	case "id":
		twice, s.ID = s.ID != "", value
		if value == "" {
			return errors.New("id is empty")
		}
	case "listen":
		twice, s.Listen = s.Listen != "", value
	case "report-port":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("report-port: want 1 to 65535, not %s", quote(value))
		}
		twice, s.ReportPort = s.ReportPort != 0, uint16(n)
	default:
		_, twice = s.Options[key]
		if s.Options == nil {
			s.Options = make(map[string]string)
		}
		s.Options[key] = value
	}
	if twice {
		return fmt.Errorf("option %s is there twice", quote(key))
	}
	return nil
}

// NewSpec makes a spec from an InstallPot's content: typ is a built-in type,
// and config holds listen (or port, or <type>_port) and report-port beside the
// type's options. Without a port it listens on the type's usual one.
func NewSpec(id, typ string, config map[string]string) (Spec, error) {
	s := Spec{ID: id, Type: typ}
	err := CheckID(id)
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if err != nil {
			break
		}
		value := config[key]
		switch key {
		case "id":
			err = errors.New("option id: the command names the pot already")
		case "report_port":
			err = s.set("report-port", value)
		case "port", typ + "_port", typ + "-port":
			err = s.set("listen", ":"+value)
		default:
			err = s.set(key, value)
		}
	}
	if t := types[typ]; err == nil && s.Listen == "" && t.Port != 0 {
		s.Listen = ":" + strconv.Itoa(int(t.Port))
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Spec{}, fmt.Errorf("pot %s: %w", quote(id), err)
	}
	return s, nil
}

// check looks at everything but the id of a spec, which may be missing yet.
func (s Spec) check() error {
	if s.ID != "" {
		if err := CheckID(s.ID); err != nil {
			return err
		}
	}
	if len(s.Options) > maxOptions {
		return fmt.Errorf("%d options, want at most %d", len(s.Options), maxOptions)
	}
	for key, value := range s.Options {
		if len(key) > maxKey || len(value) > maxValue {
			return fmt.Errorf("option %s: want a key of at most %d bytes and a value of at most %d", quote(key), maxKey, maxValue)
		}
	}
	if s.IsProgram() {
		return s.checkProgram()
	}
	if _, err := build(Setup{Spec: s}); err != nil {
		return err
	}
	_, _, err := s.address()
	return err
}

// address returns the network and address to listen on. Without its own host
// one socket takes both families; Go would do so for 0.0.0.0 too, and then
// 0.0.0.0 and [::] could not be two pots.
func (s Spec) address() (network, address string, err error) {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil || len(s.Listen) > maxKey {
		return "", "", fmt.Errorf("listen: want ADDR:PORT, [ADDR]:PORT or :PORT, not %s", quote(s.Listen))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", fmt.Errorf("listen: want a port from 0 to 65535, not %s", quote(port))
	}
	if host == "" {
		return "tcp", s.Listen, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "", "", fmt.Errorf("listen: want a numeric address, not %s", quote(host))
	}
	if ip.Unmap().Is4() {
		return "tcp4", net.JoinHostPort(ip.Unmap().String(), port), nil
	}
	return "tcp6", s.Listen, nil
}

// CheckID tells what is wrong with a pot id.
func CheckID(id string) error {
	ok := id != "" && len(id) <= maxID && id[0] != '.'
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if !ok {
		return fmt.Errorf("pot id %s: want 1 to %d of A-Z a-z 0-9 . _ -, not starting with a dot", quote(id), maxID)
	}
	return nil
}

// Resolve gives every spec an id and checks that they can live together: one
// without an id gets its type, or <type>-<port> when that is taken. taken may
// be nil; it tells ids that others have. A spec that can't is left out, and
// the error says why; the others are returned.
func Resolve(specs []Spec, taken func(id string) bool) ([]Spec, error) {
	var errs []error
	used := make(map[string]bool)
	for _, s := range specs {
		used[s.ID] = true
	}
	used[""] = true
	free := func(id string) bool { return !used[id] && (taken == nil || !taken(id)) && CheckID(id) == nil }
	out := make([]Spec, 0, len(specs))
	seen := make(map[string]bool)
	for _, s := range specs {
		if s.ID == "" {
			s.ID = defaultID(s, free)
			used[s.ID] = true
		}
		switch {
		case seen[s.ID]:
			errs = append(errs, fmt.Errorf("pot %s: the id is there twice; give one of them another id= (-pot)", quote(s.ID)))
		case len(out) == MaxPots:
			errs = append(errs, fmt.Errorf("pot %s: a node has at most %d pots (-pot)", quote(s.ID), MaxPots))
		default:
			seen[s.ID] = true
			out = append(out, s)
		}
	}
	return out, errors.Join(errs...)
}

func defaultID(s Spec, free func(string) bool) string {
	if free(s.Type) {
		return s.Type
	}
	_, port, _ := net.SplitHostPort(s.Listen)
	id := s.Type + "-" + port
	for n := 2; !free(id); n++ {
		id = s.Type + "-" + port + "-" + strconv.Itoa(n)
	}
	return id
}

func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.Trim(s[end:], " \t\r\n")
}
