package manifest

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxConfig is how many keys InstallPot's config may have.
	maxConfig = 64
	// maxHost is the longest host name in bytes (RFC 1035, 2.3.4).
	maxHost = 253
)

// portSuffix and pathSuffix end the keys that are ports and paths.
const (
	portSuffix = "_port"
	pathSuffix = "_path"
)

// secretWords are in the names of keys whose values are never shown.
var secretWords = []string{"pass", "secret", "token", "key", "credential"}

// configure checks InstallPot's config and fills in the values.
func (b *builder) configure() error {
	if len(b.want.Config) > maxConfig {
		return fmt.Errorf("%w: %d keys, want at most %d", ErrConfig, len(b.want.Config), maxConfig)
	}
	b.choosePorts()
	for _, p := range b.recipe.paths {
		b.values[p[0]] = p[1]
	}
	for _, key := range slices.Sorted(maps.Keys(b.want.Config)) {
		if err := b.set(key, b.want.Config[key]); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrConfig, quote(key), err)
		}
	}
	if err := b.checkPorts(); err != nil {
		return err
	}
	for i, p := range b.ports {
		if i == 0 || p.Name == "http" {
			b.values["listen"] = b.values[p.Name+portSuffix]
		}
	}
	b.onlyListen()
	return nil
}

// onlyListen leaves what PHP's web server listens at: one port.
func (b *builder) onlyListen() {
	if !b.recipe.web || len(b.plan.Ports) < 2 {
		return
	}
	n, _ := strconv.ParseUint(b.values["listen"], 10, 16)
	b.note("%s is served at port %d alone", b.pot.Type, n)
	b.plan.Ports = []uint16{uint16(n)}
}

// choosePorts finds the ports and their defaults.
func (b *builder) choosePorts() {
	b.ports = b.pot.Ports
	if b.recipe.typ != "" || len(b.ports) == 0 {
		b.ports = slices.Clone(b.recipe.ports)
		for i, own := range b.ports {
			for _, p := range b.pot.Ports {
				if p.Name == own.Name {
					b.ports[i] = p
				}
			}
		}
	}
	for _, p := range b.ports {
		b.values[p.Name+portSuffix] = strconv.Itoa(int(p.Number))
	}
}

// set takes one key of the config.
func (b *builder) set(key, value string) error {
	if !keyName(key) {
		return errors.New("want a name of a-z 0-9 _")
	}
	if key == "port" && len(b.ports) == 1 {
		key = b.ports[0].Name + portSuffix
	}
	if !b.takes(key) {
		return fmt.Errorf("unknown; this pot takes %s", strings.Join(b.known(), ", "))
	}
	if err := b.checkValue(key, value); err != nil {
		return err
	}
	if strings.HasSuffix(key, pathSuffix) {
		value = path.Clean(value)
	}
	if b.recipe.typ != "" && !b.uses(key) {
		b.note("%s does nothing with %s", b.pot.Type, key)
	}
	if IsSecret(key) {
		b.plan.Secrets = append(b.plan.Secrets, key)
	}
	b.values[key] = value
	return nil
}

// IsSecret tells by its name whether a key's value is to be shown to nobody.
func IsSecret(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(key, w) })
}

// takes tells whether the config may have a key. A pot that tells no port of
// its own gets what it is given.
func (b *builder) takes(key string) bool {
	if slices.Contains(reserved, key) {
		return false
	}
	return slices.Contains(b.known(), key) || len(b.ports) == 0 && (key == "port" || strings.HasSuffix(key, portSuffix))
}

// reserved are values that are none of the config's, and what would be an
// environment variable that the node sets.
var reserved = []string{"dir", "id", "type", "event_port", "honeypot_type", "entry", "listen", "python", "php", "node"}

// known lists the keys that a pot takes.
func (b *builder) known() []string {
	known := b.pot.Keys
	if known == nil {
		known = defaultKeys
	}
	known = append(slices.Clone(known), b.recipe.keys...)
	for _, p := range b.ports {
		known = append(known, p.Name+portSuffix)
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// uses tells whether a recipe for a type has a place for a key.
func (b *builder) uses(key string) bool {
	return key == "pot_id" || slices.Contains(b.recipe.keys, key) ||
		slices.ContainsFunc(b.recipe.paths, func(p [2]string) bool { return p[0] == key }) ||
		slices.ContainsFunc(b.ports, func(p Port) bool { return p.Name+portSuffix == key })
}

// checkValue holds a value against the form that its key's name tells. No
// value can begin another line, in a file or in the environment.
func (b *builder) checkValue(key, value string) error {
	switch {
	case key == "port" || strings.HasSuffix(key, portSuffix):
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 || value[0] == '0' || value[0] == '+' {
			return fmt.Errorf("want a port from 1 to 65535, not %s", quote(value))
		}
	case key == "hostname":
		return checkHost(value)
	case key == "pot_id":
		if value != b.want.PotID {
			return fmt.Errorf("%s is not the pot's own id, %s", quote(value), quote(b.want.PotID))
		}
	case strings.HasSuffix(key, pathSuffix):
		return checkPath(value)
	case len(value) > maxText || !utf8.ValidString(value) || strings.ContainsFunc(value, isControl):
		return fmt.Errorf("want a line of at most %d bytes without control characters, not %s", maxText, quote(value))
	}
	return nil
}

// checkHost takes a host name (RFC 1123, 2.1).
func checkHost(s string) error {
	ok := len(s) <= maxHost
	for label := range strings.SplitSeq(s, ".") {
		ok = ok && label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for i := range len(label) {
			ok = ok && plain(label[i]) && label[i] != '_' && label[i] != '+'
		}
	}
	if !ok {
		return fmt.Errorf("want a host name, not %s", quote(s))
	}
	return nil
}

// checkPorts collects the ports; each may be used once.
func (b *builder) checkPorts() error {
	keys := []string{}
	for key := range b.values {
		if key == "port" || strings.HasSuffix(key, portSuffix) && key != "event_port" && (b.recipe.typ == "" || b.uses(key)) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	declared := len(b.ports) > 0
	for _, key := range keys {
		n, _ := strconv.ParseUint(b.values[key], 10, 16)
		switch {
		case uint16(n) == b.want.EventPort:
			return fmt.Errorf("%w: %s: port %d is the intake's (-intake)", ErrConfig, key, n)
		case slices.Contains(b.plan.Ports, uint16(n)):
			return fmt.Errorf("%w: %s: port %d is there twice", ErrConfig, key, n)
		}
		name := strings.TrimSuffix(key, portSuffix)
		if !declared || slices.ContainsFunc(b.ports, func(p Port) bool { return p.Name == name }) {
			b.plan.Ports = append(b.plan.Ports, uint16(n))
		}
	}
	return nil
}
