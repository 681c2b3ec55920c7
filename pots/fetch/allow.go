package fetch

import (
	"fmt"
	"path"
	"strings"
)

const (
	// maxURL is the longest address in bytes.
	maxURL = 1024
	// maxBranch is the longest branch in bytes.
	maxBranch = 200
)

// schemes are what may be fetched by; all but https only where a glob spells
// them out. What runs other programs (ssh, ext, helpers like foo::) is none.
var schemes = []string{"https", "http", fileScheme}

const fileScheme = "file"

// Allowed tells why url may not be fetched: it must match one of the globs
// (path.Match: * is not for a slash), be https or of a scheme that the glob
// spells out (file or http), and hold no credentials, escapes, query, dots
// for directories or control characters. The error is ErrRefused and never
// shows credentials.
func Allowed(url string, globs []string) error {
	scheme, err := checkURL(url)
	if err != nil {
		return fmt.Errorf("git_url %s: %w: %w", show(url), ErrRefused, err)
	}
	for _, glob := range globs {
		if ok, err := path.Match(glob, url); err != nil || !ok {
			continue
		}
		if scheme == "https" || strings.HasPrefix(glob, scheme+"://") {
			return nil
		}
	}
	return fmt.Errorf("git_url %s: %w: none of those that this node takes pots from matches it (-pots-allow)", show(url), ErrRefused)
}

// checkURL looks at an address's form.
func checkURL(url string) (scheme string, err error) {
	if len(url) > maxURL {
		return "", fmt.Errorf("longer than %d bytes", maxURL)
	}
	for i := range len(url) {
		if c := url[i]; !urlByte(c) {
			return "", fmt.Errorf("%q has no place in it", string(rune(c)))
		}
	}
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || !known(scheme) {
		return "", fmt.Errorf("want one that begins with https://, or http:// or file:// where -pots-allow spells it out")
	}
	host, dir, _ := strings.Cut(rest, "/")
	if strings.Contains(rest, "@") {
		return "", fmt.Errorf("no user or password may be in it")
	}
	if err := checkHost(scheme, host); err != nil {
		return "", err
	}
	if dir == "" {
		return "", fmt.Errorf("it names no repository")
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if name == "" || name[0] == '.' || name[0] == '-' {
			return "", fmt.Errorf("%q has no place in it", "/"+name)
		}
	}
	return scheme, nil
}

// urlByte: a percent sign would be unfolded after the globs were asked.
func urlByte(c byte) bool {
	return plain(c) || strings.IndexByte(":/@[]~+", c) >= 0
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

func known(scheme string) bool {
	for _, s := range schemes {
		if s == scheme {
			return true
		}
	}
	return false
}

// checkHost takes name, name:port, [v6] and [v6]:port; none for files.
func checkHost(scheme, host string) error {
	if scheme == fileScheme {
		if host != "" {
			return fmt.Errorf("file:// takes a path and no host")
		}
		return nil
	}
	bad := host == "" || host[0] == '-' || host[0] == '.' || host[0] == ':'
	name, port := host, ""
	if strings.HasPrefix(host, "[") {
		var ok bool
		name, port, ok = strings.Cut(host[1:], "]")
		bad = bad || !ok || strings.Trim(name, "0123456789abcdefABCDEF:.") != "" || port != "" && port[0] != ':'
		port = strings.TrimPrefix(port, ":")
	} else {
		name, port, _ = strings.Cut(host, ":")
		for i := range len(name) {
			bad = bad || !plain(name[i])
		}
	}
	if bad || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
		return fmt.Errorf("want a host, not %q", host)
	}
	return nil
}

// show makes an address fit for an error, without a password.
func show(url string) string {
	if i := strings.LastIndexByte(url, '@'); i >= 0 {
		url = "…" + url[i:]
	}
	const most = 120
	if len(url) > most {
		return fmt.Sprintf("%q…", url[:most])
	}
	return fmt.Sprintf("%q", url)
}

// checkBranch takes what git takes as a branch (git-check-ref-format), of
// plain characters.
func checkBranch(s string) error {
	bad := len(s) > maxBranch || strings.HasPrefix(s, "-") || strings.Contains(s, "..")
	for i := range len(s) {
		bad = bad || !plain(s[i]) && s[i] != '/' && s[i] != '+'
	}
	if s != "" {
		for part := range strings.SplitSeq(s, "/") {
			bad = bad || part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".")
		}
	}
	if bad {
		if len(s) > maxBranch {
			s = s[:maxBranch]
		}
		return fmt.Errorf("git_branch %q: %w: not a branch's name", s, ErrRefused)
	}
	return nil
}
