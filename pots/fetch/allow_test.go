package fetch

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestAllowed(t *testing.T) {
	const store = "https://github.com/H0neyBe/honeybee_potstore.git"
	globs := []string{store, "https://git.example/pots/*", "file:///srv/*", "http://10.0.0.1/*/*.git", "*", "[", "https://[[]2001:db8::1]/*"}
	for _, url := range []string{
		"", "x", "-", "--upload-pack=touch /tmp/x", "-oProxyCommand=x", "ext::sh -c x", "ext::sh%20-c%20x", "fd::3", "file:/srv/x", "https:/x/y",
		"https://", "https:///x", "https://git.example", "https://git.example/", "HTTPS://git.example/pots/a",
		"ssh://git.example/pots/a", "git://git.example/pots/a", "git@git.example:pots/a", "ftp://git.example/pots/a", "foo::https://git.example/pots/a",
		"https://user@git.example/pots/a", "https://user:secret@git.example/pots/a", "https://git.example/pots/a@b", "https://git.example:pass@evil/pots/a",
		"https://git.example/pots/../x", "https://git.example/pots/.", "https://git.example/pots/.git", "https://git.example/pots//", "https://git.example/pots/-x",
		"https://git.example/pots/a%2e%2e", "https://git.example/pots/a?x=1", "https://git.example/pots/a#b", "https://git.example/pots/a b", "https://git.example/pots/a\n",
		"https://git.example/pots/a\x00", "https://git.example/pots/ä", "https://git.example/pots/$(id)", "https://git.example/pots/a;b", "https://git.example/pots/`id`",
		"https://git.example\\pots/a", "https://-x/pots/a", "https://:80/a", "https://[::1/a", "https://[x]/a", "https://a:123456/b", "https://a:b/c",
		"https://git.example/pots/a/b", "https://git.example.evil/pots/a", "https://evil/pots/a", "http://git.example/pots/a", "https://10.0.0.1/a/b.git",
		"file:///etc/passwd", "file:///srv/../etc", "file:///srv/x/y", "file://host/srv/x", "file:///srv/%2e%2e", "file://srv/x", "/srv/x", "../x", "http://10.0.0.1/a/b",
		"https://git.example/pots/" + strings.Repeat("a", 1024), "https://[2001:db8::2]/a",
	} {
		err := Allowed(url, globs)
		if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 400 {
			t.Errorf("%q: %v, want it refused", url, err)
		}
	}
	for _, url := range []string{store, "https://git.example/pots/a", "https://git.example/pots/A-b_c.d+e~1", "file:///srv/x", "http://10.0.0.1/a/b.git", "https://[2001:db8::1]/a"} {
		if err := Allowed(url, globs); err != nil {
			t.Error(err)
		}
	}
	if err := Allowed(store, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "-pots-allow") {
		t.Errorf("without globs: %v", err)
	}
	// A glob that begins with a star allows https alone.
	if err := Allowed("file:///x", []string{"*:///x", "file:///y"}); !errors.Is(err, ErrRefused) {
		t.Errorf("a scheme by a star: %v", err)
	}
}

func TestBranches(t *testing.T) {
	for _, s := range []string{
		"-b", "--upload-pack=x", "a..b", "@{u}", "a@{1}", "a:b", "+a:b", "a b", "a\nb", "a\x00", "a~1", "a^", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "ä", "$(id)",
		strings.Repeat("a", 201),
	} {
		if s == "+a:b" || s != "" {
			if err := checkBranch(s); !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %v, want it refused", s, err)
			}
		}
	}
	for _, s := range []string{"", "main", "release/2.9", "a+b_c-d.e"} {
		if err := checkBranch(s); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusedLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	for _, s := range []Source{{URL: "ext::sh -c x"}, {URL: "https://git.example/a", Branch: "-x"}, {URL: "https://evil.example/a"}} {
		_, err := Fetch(t.Context(), s, Config{Dir: filepath.Join(parent, "new"), Allow: []string{"https://git.example/*"}})
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	wantEmpty(t, parent)
}

func FuzzAllowed(f *testing.F) {
	for _, s := range []string{"https://github.com/H0neyBe/honeybee_potstore.git", "file:///srv/x", "https://[::1]:443/a/b", "ext::sh -c x", "https://u:p@h/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if Allowed(url, []string{"*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*", "file:///*"}) != nil {
			return
		}
		if strings.ContainsAny(url, "%?#\\ @\"'`$;&|<>(){}^!,\n\r\t\x00") || strings.Contains(url, "..") && strings.Contains(url, "/../") || strings.HasPrefix(url, "-") ||
			!strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "file:///") {
			t.Fatalf("%q passes", url)
		}
	})
}

func FuzzBranch(f *testing.F) {
	for _, s := range []string{"main", "a/b", "-x", "@{u}", "a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkBranch(s) == nil && (strings.HasPrefix(s, "-") || strings.ContainsAny(s, " ~^:?*[\\@{}\n\x00") || strings.Contains(s, "..")) {
			t.Fatalf("%q passes", s)
		}
	})
}

// FuzzList gives checkList's parser what a hostile git would print, in pieces.
func FuzzList(f *testing.F) {
	const id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	f.Add([]byte("100644 blob "+id+"      12\tmain.py\x00040000 tree "+id+"       -\ta\x00120000 blob "+id+"       5\ta/l\x00"), uint8(7))
	f.Add([]byte("160000 commit "+id+"       -\tsub\x00100644 blob "+id+" 99999999999999999999\tbig\x00"), uint8(200))
	f.Add([]byte("100644 blob "+id+"      12\t../x\x00"), uint8(0))
	f.Fuzz(func(t *testing.T, printed []byte, piece uint8) {
		stopped := false
		l := list{job: &job{cfg: Config{MaxBytes: 1000, MaxFiles: 5}}, stop: func(error) { stopped = true }}
		for rest := printed; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			if got, err := l.Write(rest[:n]); got != n || err != nil {
				t.Fatalf("%d of %d, %v", got, n, err)
			}
			rest = rest[n:]
		}
		if len(l.rest) > maxEntry || l.bytes > 1000 || (l.err != nil) != stopped {
			t.Fatalf("%+v, stopped %v", l, stopped)
		}
		if l.err == nil && (l.files > 5 || strings.Contains(string(printed), "\t../") && strings.HasSuffix(string(printed), "\x00")) {
			t.Fatalf("%q passes: %+v", printed, l)
		}
	})
}
