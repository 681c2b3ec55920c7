package pots

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Options reads the key=value options of a pot. The first error sticks; a key
// that nobody asked for is one.
type Options struct {
	values map[string]string
	known  []string
	err    error
}

// String returns the value of key, at most most bytes of it, or def.
func (o *Options) String(key, def string, most int) string {
	v, ok := o.get(key)
	if !ok {
		return def
	}
	if len(v) > most {
		o.Fail(key, fmt.Sprintf("want at most %d bytes, not %d", most, len(v)))
	}
	return v
}

// Int returns the value of key as a whole number from low to high, or def.
func (o *Options) Int(key string, def, low, high int) int {
	v, ok := o.get(key)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		o.Fail(key, fmt.Sprintf("want a whole number from %d to %d, not %s", low, high, quote(v)))
		return def
	}
	return n
}

// Duration returns the value of key as a time like 10s or 1m30s from low to
// high, or def.
func (o *Options) Duration(key string, def, low, high time.Duration) time.Duration {
	v, ok := o.get(key)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		o.Fail(key, fmt.Sprintf("want a time from %s to %s, not %s", low, high, quote(v)))
		return def
	}
	return d
}

// Fail makes the options wrong because of key.
func (o *Options) Fail(key, why string) {
	if o.err == nil {
		o.err = fmt.Errorf("option %s: %s (-pot)", key, why)
	}
}

func (o *Options) get(key string) (string, bool) {
	o.known = append(o.known, key)
	v, ok := o.values[key]
	return v, ok
}

// done returns what was wrong.
func (o *Options) done() error {
	for _, key := range slices.Sorted(maps.Keys(o.values)) {
		if !slices.Contains(o.known, key) {
			o.Fail(quote(key), fmt.Sprintf("unknown; this type has %v", o.known))
		}
	}
	return o.err
}

// maxQuoted is how many bytes of a foreign text an error shows.
const maxQuoted = 80

// quote makes foreign bytes fit for an error or a log line.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "…"
	}
	return strconv.Quote(s)
}
