package config

import (
	"fmt"
	"io"
)

// Write prints the configuration in effect as a file that would give the same
// one, each line with the place its value came from. The -c file named by the
// caller is not part of it. Secrets are not in it: they stand in the files
// that it names, and in the state directory.
func (c *Config) Write(w io.Writer) error {
	for _, o := range options {
		values := c.settings.of(o)
		for _, v := range values {
			if _, err := fmt.Fprintf(w, "%s %s  # %s\n", o.name, quote(v.text), v.place); err != nil {
				return err
			}
		}
		if len(values) == 0 {
			if _, err := fmt.Fprintf(w, "# %s: %s\n", o.name, o.usage); err != nil {
				return err
			}
		}
	}
	return nil
}

// quote writes a value so that parseLine reads it back; none that came from a
// file needs more than quotes around it.
func quote(s string) string {
	if _, v, bare, err := parseLine("name " + s); err == nil && !bare && v == s {
		return s
	}
	return `"` + s + `"`
}
