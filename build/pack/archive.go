package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"
)

// writeTarGz writes a gzip'd tar whose entries are below root.
func writeTarGz(w io.Writer, entries []entry, root string, stamp time.Time) error {
	entries, err := withParents(entries)
	if err != nil {
		return err
	}
	var plain bytes.Buffer
	if err := writeTar(&plain, entries, root+"/", stamp); err != nil {
		return err
	}
	return writeGzip(w, plain.Bytes())
}

// writeIpk writes a package of OpenWrt up to 24.10 as its scripts/ipkg-build
// does: a gzip'd tar of ./debian-binary, ./data.tar.gz and ./control.tar.gz.
func writeIpk(w io.Writer, entries []entry, stamp time.Time) error {
	control, data, err := divide(entries)
	if err != nil {
		return err
	}
	var dataTar bytes.Buffer
	if err := writeTar(&dataTar, data, "./", stamp); err != nil {
		return err
	}
	if err := setInstalledSize(control, dataTar.Len()); err != nil {
		return err
	}
	var controlTar bytes.Buffer
	if err := writeTar(&controlTar, control, "./", stamp); err != nil {
		return err
	}
	members := []entry{{path: "debian-binary", mode: 0o644, data: []byte("2.0\n")}}
	for _, m := range []struct {
		name string
		tar  []byte
	}{{"data.tar.gz", dataTar.Bytes()}, {"control.tar.gz", controlTar.Bytes()}} {
		var packed bytes.Buffer
		if err := writeGzip(&packed, m.tar); err != nil {
			return err
		}
		members = append(members, entry{path: m.name, mode: 0o644, data: packed.Bytes()})
	}
	var outer bytes.Buffer
	t := tar.NewWriter(&outer)
	for _, m := range members {
		if err := writeEntry(t, m, "./", stamp); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return writeGzip(w, outer.Bytes())
}

// divide parts an .ipk's own files from those that it installs.
func divide(entries []entry) (control, data []entry, err error) {
	for _, e := range entries {
		if name, own := strings.CutPrefix(e.path, "CONTROL/"); own {
			e.path = name
			control = append(control, e)
		} else {
			data = append(data, e)
		}
	}
	if control, err = withParents(control); err != nil {
		return nil, nil, err
	}
	data, err = withParents(data)
	return control, data, err
}

var installedSize = regexp.MustCompile(`(?m)^Installed-Size: .*$`)

// setInstalledSize puts the size of the unpacked tar into the file control.
func setInstalledSize(control []entry, size int) error {
	for i := range control {
		if control[i].path == "control" {
			if !installedSize.Match(control[i].data) {
				return fmt.Errorf("CONTROL/control has no line Installed-Size")
			}
			control[i].data = installedSize.ReplaceAll(control[i].data, fmt.Appendf(nil, "Installed-Size: %d", size))
			return nil
		}
	}
	return fmt.Errorf("no CONTROL/control")
}

// writeTar writes the entries and, before them, the directory that they are in.
func writeTar(w io.Writer, entries []entry, prefix string, stamp time.Time) error {
	t := tar.NewWriter(w)
	if err := writeEntry(t, entry{mode: 0o755, dir: true}, prefix, stamp); err != nil {
		return err
	}
	for _, e := range entries {
		if err := writeEntry(t, e, prefix, stamp); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeEntry(t *tar.Writer, e entry, prefix string, stamp time.Time) error {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: prefix + e.path, Mode: e.mode, Size: int64(len(e.data)),
		ModTime: stamp, Format: tar.FormatGNU,
	}
	if e.dir {
		h.Typeflag, h.Size = tar.TypeDir, 0
		h.Name = path.Clean(h.Name) + "/"
		if strings.HasPrefix(prefix, "./") && h.Name != "./" {
			h.Name = "./" + h.Name
		}
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(e.data)
	return err
}

// writeGzip compresses as gzip -n -9 does: without a name and a time.
func writeGzip(w io.Writer, b []byte) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(b); err != nil {
		return err
	}
	return z.Close()
}
