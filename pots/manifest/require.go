package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"forager/board"
)

// The programs that run pots.
const (
	pythonProgram   = "python3"
	phpProgram      = "php"
	nodeProgram     = "node"
	npmProgram      = "npm"
	composerProgram = "composer"
)

// debian names what to install for a program that is missing.
var debian = map[string]string{
	pythonProgram: "python3", phpProgram: "php-cli", nodeProgram: "nodejs", npmProgram: "npm", composerProgram: "composer",
}

const (
	// checkTime is how long a program may take to tell its version. A router
	// that reads Python from flash for the first time needs seconds.
	checkTime = 20 * time.Second
	// maxOutput is how much of what a program prints is read, in bytes.
	maxOutput = 64 << 10
)

// Requirement is a program that a pot needs.
type Requirement struct {
	Program    string   // "python3"
	Version    string   // ">=3.7", as the manifest writes it; empty: any
	Extensions []string // extensions of PHP, modules of Python
}

// Check runs the program for its version, and PHP and Python for their
// extensions, and tells what is there and what is wanted. The error is
// ErrRequired. The program must be in board.SystemPath.
func (r Requirement) Check(ctx context.Context) error {
	if err := r.check(ctx, ""); err != nil {
		return fmt.Errorf("%w: %w", ErrRequired, err)
	}
	return nil
}

func (r Requirement) check(ctx context.Context, path string) error {
	file, err := board.Program(r.Program, path)
	if err != nil {
		if pkg := debian[r.Program]; pkg != "" {
			return fmt.Errorf("%w (install %s)", err, pkg)
		}
		return err
	}
	if r.Version != "" {
		if err := r.checkVersion(ctx, file); err != nil {
			return err
		}
	}
	if len(r.Extensions) == 0 {
		return nil
	}
	if r.Program == pythonProgram {
		return r.checkModules(ctx, file)
	}
	return r.checkExtensions(ctx, file)
}

func (r Requirement) checkVersion(ctx context.Context, file string) error {
	want, err := parseRange(r.Version)
	if err != nil {
		return err
	}
	out, err := ask(ctx, file, "--version")
	if err != nil {
		return err
	}
	have, ok := findVersion(out)
	if !ok {
		return fmt.Errorf("%s --version tells no version: %s", file, quote(out))
	}
	if !want.holds(have) {
		return fmt.Errorf("%s is %s, want %s", file, have, r.Version)
	}
	return nil
}

// checkExtensions looks for PHP's extensions.
func (r Requirement) checkExtensions(ctx context.Context, file string) error {
	out, err := ask(ctx, file, "-m")
	if err != nil {
		return err
	}
	have := make(map[string]bool)
	for line := range strings.Lines(out) {
		have[strings.ToLower(strings.TrimSpace(line))] = true
	}
	var missing []string
	for _, name := range r.Extensions {
		if !have[strings.ToLower(name)] {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("%s has no extension %s, want %s", file, strings.Join(missing, ", "), strings.Join(r.Extensions, ", "))
	}
	return nil
}

// checkModules looks for Python's modules. -I: none from the working
// directory.
func (r Requirement) checkModules(ctx context.Context, file string) error {
	for _, name := range r.Extensions {
		if _, err := ask(ctx, file, "-I", "-c", "import "+name); err != nil {
			return fmt.Errorf("python3 has no module %s (on Debian: install python3-venv): %w", name, err)
		}
	}
	return nil
}

// ask runs a program of the system and returns what it prints.
func ask(ctx context.Context, file string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var out bounded
	cmd := exec.CommandContext(ctx, file, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + board.SystemPath, "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	text := strings.TrimSpace(out.b.String())
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s %s: %w", file, args[0], ctx.Err())
	case err != nil:
		return "", fmt.Errorf("%s %s: %w: %s", file, args[0], err, quote(text))
	}
	return text, nil
}

// bounded keeps the first maxOutput bytes and lets the rest go.
type bounded struct{ b bytes.Buffer }

func (w *bounded) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), maxOutput-w.b.Len())])
	return len(p), nil
}

// version is up to four numbers.
type version struct {
	n     [4]int
	parts int
}

func (v version) String() string {
	var s []string
	for _, n := range v.n[:v.parts] {
		s = append(s, strconv.Itoa(n))
	}
	return strings.Join(s, ".")
}

// cmp compares the first parts numbers of both.
func (v version) cmp(o version, parts int) int {
	for i := range parts {
		if d := v.n[i] - o.n[i]; d != 0 {
			return d
		}
	}
	return 0
}

// findVersion reads the first version number in what a program printed.
func findVersion(s string) (version, bool) {
	i := strings.IndexAny(s, "0123456789")
	if i < 0 {
		return version{}, false
	}
	v, _ := cutVersion(s[i:])
	return v, v.parts > 0
}

// cutVersion reads numbers with dots between them at the beginning of s; a
// last .* or .x is taken, as what it means is meant anyway.
func cutVersion(s string) (v version, rest string) {
	for v.parts < len(v.n) {
		end := 0
		for end < len(s) && end < 9 && '0' <= s[end] && s[end] <= '9' {
			end++
		}
		if end == 0 {
			break
		}
		v.n[v.parts], _ = strconv.Atoi(s[:end])
		v.parts++
		if s = s[end:]; !strings.HasPrefix(s, ".") {
			return v, s
		}
		s = s[1:]
	}
	if v.parts > 0 && s != "" && (s[0] == '*' || s[0] == 'x') {
		s = s[1:]
	}
	return v, s
}

// A versionRange holds for a version when one of its alternatives does: all
// bounds of it.
type versionRange [][]bound

type bound struct {
	op string
	v  version
}

// operators, longer ones first.
var operators = []string{">=", "<=", "==", "!=", "~=", ">", "<", "=", "~", "^"}

// maxBounds is how many bounds a range may have.
const maxBounds = 16

// parseRange reads a range as Python, Composer and npm write them: ">=3.7",
// ">=3.7,<4", "^7.4 || ^8.0", "3.*", "*". A version of fewer numbers stands for
// all that begin with them: <=3.11 holds for 3.11.2.
func parseRange(s string) (versionRange, error) {
	var out versionRange
	n := 0
	for alternative := range strings.SplitSeq(strings.ReplaceAll(s, "||", "|"), "|") {
		bounds := []bound{}
		for rest := trim(alternative); rest != ""; rest = trim(rest) {
			var b bound
			if rest[0] == '*' {
				rest = rest[1:]
				continue
			}
			for _, op := range operators {
				if strings.HasPrefix(rest, op) {
					b.op, rest = op, strings.TrimLeft(rest[len(op):], " ")
					break
				}
			}
			b.v, rest = cutVersion(strings.TrimPrefix(rest, "v"))
			if n++; b.v.parts == 0 || n > maxBounds || rest != "" && trim(rest) == rest {
				return nil, fmt.Errorf("version %s: want ranges like >=3.7 or ^7.4", quote(s))
			}
			bounds = append(bounds, b)
		}
		if len(bounds) == 0 && strings.Contains(s, "|") && !strings.Contains(alternative, "*") {
			return nil, errors.New("version " + quote(s) + ": an empty alternative")
		}
		out = append(out, bounds)
	}
	return out, nil
}

// trim takes away what stands between bounds.
func trim(s string) string { return strings.Trim(s, " ,") }

func (r versionRange) holds(v version) bool {
	for _, bounds := range r {
		all := true
		for _, b := range bounds {
			all = all && b.holds(v)
		}
		if all {
			return true
		}
	}
	return false
}

func (b bound) holds(v version) bool {
	c := v.cmp(b.v, b.v.parts)
	switch b.op {
	case ">=":
		return c >= 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	case "<":
		return c < 0
	case "!=":
		return c != 0
	case "^": // up to the next first number
		return c >= 0 && v.cmp(b.v, 1) == 0
	case "~", "~=": // up to the next last number but one
		return c >= 0 && v.cmp(b.v, max(1, b.v.parts-1)) == 0
	}
	return c == 0
}
