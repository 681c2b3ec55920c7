package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a file, in bytes.
const (
	maxFile = 256 << 10
	maxLine = 4096
)

var utf8BOM = []byte("\xef\xbb\xbf")

// parseFile gives each line that sets something to set, with its number; bare
// tells that there was no value at all. The first error ends it: set's as it
// is, others as fail words them.
func parseFile(f io.Reader, set func(n int, name, value string, bare bool) error, fail func(n int, err error) error) error {
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("file longer than %d bytes", maxFile)
	}
	if err != nil {
		return fail(1, err)
	}
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, utf8BOM)) {
		n++
		if len(line) > maxLine {
			return fail(n, fmt.Errorf("line longer than %d bytes", maxLine))
		}
		name, value, bare, err := parseLine(string(bytes.TrimSuffix(line, []byte("\n"))))
		if err != nil {
			return fail(n, err)
		}
		if name == "" {
			continue
		}
		if err := set(n, name, value, bare); err != nil {
			return err
		}
	}
	return nil
}

// parseLine reads one line without its newline. A line that sets nothing has
// an empty name.
func parseLine(line string) (name, value string, bare bool, err error) {
	if err := checkText(line); err != nil {
		return "", "", false, err
	}
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", false, nil
	}
	name, rest := line, ""
	if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
		name, rest = line[:i], strings.TrimSpace(line[i:])
	}
	if rest == "" || rest[0] == '#' {
		return name, "", true, nil
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value, err = unquote(quoted)
		if err != nil {
			return "", "", false, err
		}
		return name, value, false, nil
	}
	return name, uncomment(rest), false, nil
}

// unquote reads what stands behind an opening quote.
func unquote(s string) (string, error) {
	value, rest, ok := strings.Cut(s, `"`)
	if !ok {
		return "", errors.New(`a " that is not closed`)
	}
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
		return "", fmt.Errorf("%q behind the closing quote", cut(rest))
	}
	return value, nil
}

// uncomment drops a # that stands behind a space, and what follows it; not
// inside double quotes, which pots' options may have.
func uncomment(s string) string {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			i += closing(s[i+1:])
		case s[i] == '#' && i > 0 && (s[i-1] == ' ' || s[i-1] == '\t'):
			return strings.TrimSpace(s[:i])
		}
	}
	return s
}

// closing tells how far the closing quote is, 0 when there is none. A
// backslash takes the meaning from what follows it.
func closing(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// checkText refuses what no option can hold. NUL bytes mostly mean UTF-16.
func checkText(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return errors.New("NUL byte: want a UTF-8 text")
	}
	if !utf8.ValidString(s) {
		return errors.New("not UTF-8")
	}
	for _, c := range s {
		if unicode.IsControl(c) && c != '\t' && c != '\r' {
			return fmt.Errorf("control character %q", c)
		}
	}
	return nil
}

// cut shortens a text for an error.
func cut(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
