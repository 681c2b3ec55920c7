// Command leango makes what a smaller node is built with: parts of Go itself
// with a few lines changed.
//
//	leango [-also OVERLAY] DIR
//
// It makes, in DIR:
//
//	link, toolexec   Go's linker, and what go build -toolexec calls it with
//	overlay.json     for go build -overlay: changed packages of Go, and what
//	                 the file OVERLAY replaces
//
// The sources are those of the Go that runs this. Where one does not read as
// expected nothing is made, and the exit code is 1.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// wrapper is called as: toolexec TOOL ARGUMENT...
const wrapper = `#!/bin/sh
case $1 in
*/link) shift && exec "${0%/*}/link" "$@" ;;
esac
exec "$@"
`

// overlay is what go build -overlay reads: paths, and what is read in their place.
type overlay struct {
	Replace map[string]string
}

func main() {
	also := flag.String("also", "", "an `overlay` to add")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: leango [-also OVERLAY] DIR")
		os.Exit(2)
	}
	if err := build(flag.Arg(0), *also); err != nil {
		fmt.Fprintln(os.Stderr, "leango:", err)
		os.Exit(1)
	}
}

// build makes all files in dir.
func build(dir, also string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	root := strings.TrimSpace(string(out))
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := makeOverlay(root, dir, also); err != nil {
		return err
	}
	if err := makeLinker(root, dir); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "toolexec"), []byte(wrapper), 0o755)
}

func makeOverlay(root, dir, also string) error {
	o := overlay{make(map[string]string)}
	if also != "" {
		b, err := os.ReadFile(also)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &o); err != nil {
			return fmt.Errorf("%s: %w", also, err)
		}
	}
	if err := curve.replace(o, root, dir); err != nil {
		return err
	}
	return o.write(filepath.Join(dir, "overlay.json"))
}

// makeLinker builds dir/link for this machine.
func makeLinker(root, dir string) error {
	work, err := os.MkdirTemp("", "leango")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	o := overlay{make(map[string]string)}
	if err := linker.replace(o, root, work); err != nil {
		return err
	}
	list := filepath.Join(work, "overlay.json")
	if err := o.write(list); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-overlay", list, "-o", filepath.Join(dir, "link"), "cmd/link")
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build cmd/link: %w\n%s", err, out)
	}
	return nil
}

// replace puts the changed source into dir and into o.
func (s source) replace(o overlay, root, dir string) error {
	path := filepath.Join(root, s.path)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := s.edit(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.Replace[path] = filepath.Join(dir, "_"+filepath.Base(path)) // _: no package of ours for go
	return os.WriteFile(o.Replace[path], []byte(changed), 0o644)
}

// edit makes all the changes, or none.
func (s source) edit(text string) (string, error) {
	for _, e := range s.edits {
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s: %q is there %d times, not once: not the source of Go 1.26", e.what, e.old, n)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return text, nil
}

func (o overlay) write(path string) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
