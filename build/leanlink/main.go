// Command leanlink builds Go's own linker with a few lines changed, so that
// what it links carries neither line numbers nor the shapes of arguments. The
// runtime needs both for nothing but the text of a crash's trace, where every
// frame still has its function and the offset in it: build/lines.sh makes
// lines of them again. They are a twelfth of the node, a tenth of it in
// squashfs.
//
//	leanlink DIR    makes DIR/link, and DIR/toolexec for go build -toolexec
//
// The source is that of the Go that runs this. Where it does not read as
// expected nothing is made, and the exit code is 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// source is what gets changed, below GOROOT.
const source = "src/cmd/link/internal/ld/pcln.go"

// edits are the changes to it, for Go 1.26. Each old text must be there once.
var edits = []struct{ what, old, new string }{
	{
		"no line tables",
		"pcSyms := []loader.Sym{pcsp, pcfile, pcline}",
		"_, _ = pcfile, pcline\n\t\tpcSyms := []loader.Sym{pcsp}",
	},
	{
		"offset 0 is how the runtime knows that a table is missing",
		"off = sb.SetUint32(ctxt.Arch, off, uint32(ldr.SymValue(pcfile)))\n" +
			"\t\t\toff = sb.SetUint32(ctxt.Arch, off, uint32(ldr.SymValue(pcline)))",
		"_, _ = pcfile, pcline\n\t\t\toff += 8",
	},
	{
		"no lines at which functions begin",
		"startLine = fi.StartLine()\n\t\t}\n\n\t\toff := int64(startLocations[i])",
		"}\n\n\t\toff := int64(startLocations[i])",
	},
	{
		"no file names",
		"func walkFilenames(ctxt *Link, funcs []loader.Sym, f func(*sym.CompilationUnit, goobj.CUFileIndex)) {",
		"func walkFilenames(ctxt *Link, funcs []loader.Sym, f func(*sym.CompilationUnit, goobj.CUFileIndex)) {\n\tfuncs = nil",
	},
	{
		"no arguments' shapes, and no places for what a function has not",
		"fdSyms = ldr.Funcdata(s, fdSyms)\n",
		"fdSyms = ldr.Funcdata(s, fdSyms)\n" +
			"\t\tfor i := range fdSyms {\n" +
			"\t\t\tif fdSyms[i] != 0 && (i == abi.FUNCDATA_ArgInfo || i == abi.FUNCDATA_ArgLiveInfo) {\n\t\t\t\tldr.SetAttrReachable(fdSyms[i], false)\n\t\t\t\tfdSyms[i] = 0\n\t\t\t}\n\t\t}\n" +
			"\t\tfor len(fdSyms) > 0 && fdSyms[len(fdSyms)-1] == 0 {\n\t\t\tfdSyms = fdSyms[:len(fdSyms)-1]\n\t\t}\n",
	},
	{
		"room for just these places",
		"numFuncData := ldr.NumFuncdata(s)",
		"numFuncData := len(funcData(ldr, s, fi, 0, nil))",
	},
}

// wrapper is called as: toolexec TOOL ARGUMENT...
const wrapper = `#!/bin/sh
case $1 in
*/link) shift && exec "${0%/*}/link" "$@" ;;
esac
exec "$@"
`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: leanlink DIR")
		os.Exit(2)
	}
	if err := build(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "leanlink:", err)
		os.Exit(1)
	}
}

// build makes both files in dir.
func build(dir string) error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(root)), source)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := edit(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := compile(dir, path, changed); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "toolexec"), []byte(wrapper), 0o755)
}

// edit makes all the changes, or none.
func edit(text string) (string, error) {
	for _, e := range edits {
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s: %q is there %d times, not once: not the linker of Go 1.26", e.what, e.old, n)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return text, nil
}

// compile builds dir/link for this machine, reading changed in place of path.
func compile(dir, path, changed string) error {
	work, err := os.MkdirTemp("", "leanlink")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	mine := filepath.Join(work, filepath.Base(path))
	if err := os.WriteFile(mine, []byte(changed), 0o644); err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mine}})
	if err != nil {
		return err
	}
	list := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-overlay", list, "-o", filepath.Join(dir, "link"), "cmd/link")
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build cmd/link: %w\n%s", err, out)
	}
	return nil
}
