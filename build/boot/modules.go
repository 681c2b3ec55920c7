package boot

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// modules finds a kernel's modules below dir (a copy of /lib/modules/VERSION
// as the package brings it, without what depmod would add), and returns the
// files of those wanted and of all that they need, in the order to load them.
// What is built into the kernel is left out; what is nowhere is an error.
func modules(dir string, wanted ...string) ([]string, error) {
	r := resolver{files: map[string]string{}, done: map[string]bool{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ko") {
			r.files[moduleName(path)] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(builtin)) {
		r.done[moduleName(strings.TrimSpace(line))] = true
	}
	for _, name := range wanted {
		if err := r.add(name); err != nil {
			return nil, err
		}
	}
	return r.order, nil
}

type resolver struct {
	files map[string]string // by name
	done  map[string]bool   // needs no more loading
	order []string
}

// add appends a module's file behind those of all that it needs. A module
// that is marked done before its needs ends a circle, which modules never form.
func (r *resolver) add(name string) error {
	if r.done[name] {
		return nil
	}
	r.done[name] = true
	path, ok := r.files[name]
	if !ok {
		return fmt.Errorf("this kernel has no module %s", name)
	}
	needs, err := depends(path)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if err := r.add(n); err != nil {
			return fmt.Errorf("%s needs it: %w", name, err)
		}
	}
	r.order = append(r.order, path)
	return nil
}

// depends reads the names of the modules that the one at path needs, from the
// line "depends=" of its section .modinfo.
func depends(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s: no section .modinfo", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var names []string
	for entry := range strings.SplitSeq(string(info), "\x00") {
		list, ok := strings.CutPrefix(entry, "depends=")
		for name := range strings.SplitSeq(list, ",") {
			if ok && name != "" {
				names = append(names, moduleName(name))
			}
		}
	}
	return names, nil
}

// moduleName is a module's name in the kernel: its file's name may have
// dashes where that has underscores.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}
