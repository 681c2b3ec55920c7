package shell

import (
	"path"
	"strings"
)

// Patterns hold a backslash before each byte that was quoted and could mean
// something: * ? [ ] and the backslash.

const globBytes = `*?[]\`

// quotePattern makes a text match itself.
func quotePattern(dst []byte, s string) []byte {
	for i := range len(s) {
		if strings.IndexByte(globBytes, s[i]) >= 0 {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return dst
}

// unquotePattern takes the backslashes out again.
func unquotePattern(p string) string {
	if strings.IndexByte(p, '\\') < 0 {
		return p
	}
	b := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		b = append(b, p[i])
	}
	return string(b)
}

// match tells whether all of s matches a pattern. It goes back to the last *
// only, so that its time is at most the product of both lengths; the shell
// counts that as work.
func (s *Shell) match(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, t
			p++
			continue
		}
		if n := matchOne(pattern[p:], text[t]); n > 0 {
			p += n
			t++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		if p, t = star+1, mark; mark&255 == 0 && !s.step(1+len(pattern)/16) {
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne returns the length of the part of the pattern that matched a byte,
// or 0.
func matchOne(pattern string, c byte) int {
	if pattern == "" {
		return 0
	}
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		if n, ok := matchClass(pattern, c); n > 0 {
			return n * b2i(ok)
		}
	case '\\':
		if len(pattern) > 1 {
			return 2 * b2i(pattern[1] == c)
		}
	}
	return b2i(pattern[0] == c)
}

// matchClass matches [a-z], [!a-z] and [[:digit:]]; n is 0 if that is none.
func matchClass(p string, c byte) (n int, ok bool) {
	i, not := 1, false
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		not = true
		i++
	}
	for first := true; i < len(p) && (p[i] != ']' || first); first = false {
		if strings.HasPrefix(p[i:], "[:") {
			if end := strings.Index(p[i+2:], ":]"); end >= 0 {
				ok = ok || inNamedClass(p[i+2:i+2+end], c)
				i += end + 4
				continue
			}
		}
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		low, high := p[i], p[i]
		if i+2 < len(p) && p[i+1] == '-' && p[i+2] != ']' {
			high = p[i+2]
			i += 2
		}
		ok = ok || low <= c && c <= high
		i++
	}
	if i >= len(p) {
		return 0, false
	}
	return i + 1, ok != not
}

func inNamedClass(name string, c byte) bool {
	switch name {
	case "digit":
		return isDigit(c)
	case "alpha":
		return isLetter(c)
	case "alnum":
		return isLetter(c) || isDigit(c)
	case "upper":
		return c >= 'A' && c <= 'Z'
	case "lower":
		return c >= 'a' && c <= 'z'
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r'
	case "blank":
		return c == ' ' || c == '\t'
	case "punct":
		return c > ' ' && c < 0x7f && !isLetter(c) && !isDigit(c)
	case "print":
		return c >= ' ' && c < 0x7f
	case "xdigit":
		return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
	}
	return false
}

// maxGlob is how many names a pattern may become.
const maxGlob = 1024

// glob returns the paths that match a pattern, sorted; none if nothing does.
func (s *Shell) glob(pattern string) []string {
	dir, rest := "", pattern
	if strings.HasPrefix(pattern, "/") {
		dir, rest = "/", strings.TrimLeft(pattern, "/")
	}
	found := []string{dir}
	for rest != "" && len(found) > 0 {
		part, after, more := strings.Cut(rest, "/")
		after = strings.TrimLeft(after, "/")
		var next []string
		for _, at := range found {
			if !s.step(1 + len(at)/64) {
				return nil
			}
			next = s.globPart(next, at, part, more && after != "")
		}
		if more && after == "" {
			for i := range next {
				next[i] += "/"
			}
		}
		found, rest = next, after
	}
	return found
}

// globPart appends the entries of a directory that match one part.
func (s *Shell) globPart(dst []string, dir, part string, wantDir bool) []string {
	if !strings.ContainsAny(part, "*?[") {
		at := joinGlob(dir, unquotePattern(part)) // walk refuses what is too long
		if f, err := s.fs.walk(at, wantDir); err == nil && (!wantDir || f.isDir()) {
			dst = append(dst, at)
		}
		return dst
	}
	f, err := s.fs.walk(path.Join(s.cwdOr(dir), "."), true)
	if err != nil || !f.isDir() || len(dst) > maxGlob {
		return dst
	}
	for _, k := range s.fs.list(f) {
		name := k.name()
		if name[0] == '.' && part[0] != '.' || !s.match(part, name) || len(dst) >= maxGlob || len(dir)+len(name) >= pathMax {
			continue
		}
		if !s.step(1 + len(dir)/64) {
			return nil
		}
		dst = append(dst, joinGlob(dir, name))
	}
	return dst
}

func (s *Shell) cwdOr(dir string) string {
	if dir == "" {
		return s.cwd
	}
	return s.fs.abs(dir)
}

func joinGlob(dir, name string) string {
	if dir == "" || dir == "/" {
		return dir + name
	}
	return dir + "/" + name
}
