// Command pack writes the archives that forager ships in, OpenWrt's .ipk and a
// plain .tar.gz, from a manifest. The same input gives the same bytes on every
// machine: entries sorted, everything root's, one time for all, no names of
// users, nothing from the building machine.
//
//	pack -form ipk|tar [-root DIR] [-time SECONDS] [-set NAME=VALUE]... MANIFEST OUTPUT
//
// A line of a manifest is "MODE PATH SOURCE": a file of the archive, its octal
// mode and where its bytes are; "-" for SOURCE makes a directory. A "=" before
// the SOURCE has ${NAME} in the bytes replaced by what -set says, as they are in
// the manifest itself. In an .ipk, paths below CONTROL are the package's own:
// control, conffiles, scripts.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	form := flags.String("form", "tar", "`ipk` or tar")
	root := flags.String("root", "", "the `directory` that a tar unpacks into")
	seconds := flags.Int64("time", 0, "`seconds` since the epoch, of every entry")
	vars := make(map[string]string)
	flags.Func("set", "`NAME=VALUE`, for ${NAME}", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q has no =", s)
		}
		vars[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return fmt.Errorf("want MANIFEST and OUTPUT, got %q", flags.Args())
	}
	entries, err := readManifest(flags.Arg(0), vars)
	if err != nil {
		return err
	}
	stamp := time.Unix(*seconds, 0)
	var out bytes.Buffer
	switch *form {
	case "ipk":
		err = writeIpk(&out, entries, stamp)
	case "tar":
		err = writeTarGz(&out, entries, *root, stamp)
	default:
		err = fmt.Errorf("no form %q, there are ipk and tar", *form)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(flags.Arg(1), out.Bytes(), 0o644)
}
