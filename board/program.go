package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SystemPath is where programs that are not ours are looked for, and the PATH
// they get. It is not the PATH of whoever started the node, which may name
// directories of one user that a pot's user can't read. /opt/bin is Entware's.
const SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"

// Program returns the absolute path of a program by its name, as the
// directories of path (SystemPath when empty) have it. The error wraps
// os.ErrNotExist.
func Program(name, path string) (string, error) {
	if path == "" {
		path = SystemPath
	}
	if name == "" || strings.ContainsRune(name, '/') {
		return "", fmt.Errorf("program %q: not a plain name: %w", name, os.ErrNotExist)
	}
	for dir := range strings.SplitSeq(path, ":") {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if err == nil && filepath.IsAbs(file) && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("program %s: not in %s: %w", name, path, os.ErrNotExist)
}
