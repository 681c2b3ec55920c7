package fetch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A repository's own settings, hooks and attributes do nothing.
func TestNothingOfItsOwnRuns(t *testing.T) {
	repo, _ := newRepo(t)
	mark := filepath.Join(t.TempDir(), "mark")
	touch := "touch " + mark
	write(t, repo, map[string]string{
		".gitattributes":                   "* filter=evil diff=evil merge=evil\nbig.bin filter=lfs\n",
		"big.bin":                          "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 1\n",
		".gitmodules":                      "[submodule \"sub\"]\n\tpath = sub\n\turl = file:///nonexistent\n",
		".gitconfig":                       "[core]\n\tfsmonitor = " + touch + "\n",
		".git/hooks/post-checkout":         "#!/bin/sh\n" + touch + "\n",
		".git/hooks/post-upload-pack":      "#!/bin/sh\n" + touch + "\n",
		".git/hooks/reference-transaction": "#!/bin/sh\n" + touch + "\n",
	})
	git(t, repo, "update-index", "--add", "--cacheinfo", "160000,"+git(t, repo, "rev-parse", "HEAD")+",sub")
	git(t, repo, "add", "-f", ".gitattributes", "big.bin", ".gitmodules", ".gitconfig")
	git(t, repo, "commit", "-q", "-m", "x")
	for _, hook := range []string{"post-checkout", "reference-transaction"} {
		if err := os.Chmod(filepath.Join(repo, ".git/hooks", hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	git(t, repo, "config", "filter.evil.smudge", touch)
	git(t, repo, "config", "uploadpack.packObjectsHook", touch)

	// What our own user has set is not asked either.
	home := t.TempDir()
	write(t, home, map[string]string{
		".gitconfig":    "[filter \"evil\"]\n\tsmudge = " + touch + "\n[core]\n\thooksPath = " + home + "\n[url \"file:///nonexistent\"]\n\tinsteadOf = file://\n",
		"post-checkout": "#!/bin/sh\n" + touch + "\n",
	})
	if err := os.Chmod(filepath.Join(home, "post-checkout"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_SSH_COMMAND", touch)
	t.Setenv("GIT_EXTERNAL_DIFF", touch)
	t.Setenv("GIT_TEMPLATE_DIR", home)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
	t.Setenv("GIT_CONFIG_VALUE_0", home)

	s, c := configFor(t, repo)
	if _, err := Fetch(t.Context(), s, c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("something ran")
	}
	if text, err := os.ReadFile(filepath.Join(c.Dir, "big.bin")); err != nil || !strings.HasPrefix(string(text), "version https://git-lfs") {
		t.Errorf("big.bin: %q, %v", text, err)
	}
	if sub, err := os.ReadDir(filepath.Join(c.Dir, "sub")); err != nil || len(sub) > 0 {
		t.Errorf("the submodule: %v, %v", sub, err)
	}
}

// Links that lead out of the tree, by their words or by where they lead
// through.
func TestLinksThatLeave(t *testing.T) {
	for name, links := range map[string]map[string]string{
		"absolute":               {"l": "/etc/passwd"},
		"absolute and not there": {"l": "/no/such/file"},
		"above":                  {"l": "../../../../../../etc/passwd"},
		"above and not there":    {"a/l": "../../x"},
		"a directory":            {"a/l": "../.."},
		"through another":        {"a/dot": ".", "a/l": "dot/dot/dot/../../.."},
		"through another twice":  {"d": "a/b", "l": "d/../../.."},
	} {
		t.Run(name, func(t *testing.T) {
			repo, _ := newRepo(t)
			for l, target := range links {
				if err := os.Symlink(target, filepath.Join(repo, l)); err != nil {
					t.Fatal(err)
				}
			}
			commitAll(t, repo)
			s, c := configFor(t, repo)
			wantFailure(t, s, c, ErrTree, "leads to")
		})
	}
}

// Trees that only a hostile server makes.
func TestBadTrees(t *testing.T) {
	for _, tt := range []struct{ name, entry, text string }{
		{"above", "100644 blob %s\t../x", ""},
		{".git", "100644 blob %s\t.git", ""},
		{".GIT of another system", "100644 blob %s\tGIT~1", ""},
		{"a newline in a name", "100644 blob %s\ta\nb", "control characters"},
		{"an escape in a name", "100644 blob %s\ta\x1b[2J", "control characters"},
		{"not UTF-8", "100644 blob %s\ta\xff", "control characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repo, _ := newRepo(t)
			blob := git(t, repo, "rev-parse", "HEAD:main.py")
			plantTree(t, repo, strings.Replace(tt.entry, "%s", blob, 1))
			s, c := configFor(t, repo)
			wantFailure(t, s, c, ErrTree, tt.text)
		})
	}
}

// plantTree commits a tree of one entry, which git mktree would refuse to make
// of some names.
func plantTree(t *testing.T, repo, entry string) {
	t.Helper()
	head, name, _ := strings.Cut(entry, "\t")
	f := strings.Fields(head)
	raw := []byte(f[0] + " " + name + "\x00")
	for i := 0; i < len(f[2]); i += 2 {
		b, err := strconv.ParseUint(f[2][i:i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, byte(b))
	}
	file := filepath.Join(t.TempDir(), "tree")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	id := git(t, repo, "hash-object", "-t", "tree", "-w", "--literally", file)
	git(t, repo, "update-ref", "HEAD", git(t, repo, "commit-tree", id, "-m", "x"))
}

// A tree whose directories are all the same one: 10 objects, 10^9 files.
func TestFileBomb(t *testing.T) {
	repo, _ := newRepo(t)
	kind, id := "100644 blob", git(t, repo, "rev-parse", "HEAD:main.py")
	for range 9 {
		var list strings.Builder
		for i := range 10 {
			list.WriteString(kind + " " + id + "\tf" + strconv.Itoa(i) + "\n")
		}
		cmd := exec.Command("git", "mktree")
		cmd.Dir, cmd.Stdin = repo, strings.NewReader(list.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		kind, id = "040000 tree", strings.TrimSpace(string(out))
	}
	git(t, repo, "update-ref", "HEAD", git(t, repo, "commit-tree", id, "-m", "x"))
	s, c := configFor(t, repo)
	wantFailure(t, s, c, ErrTooMany, "more than 20000")
}

// zeros commits a file of so many zero bytes, which git packs to a thousandth.
func zeros(t *testing.T, repo string, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(repo, "zeros"))
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	git(t, repo, "config", "core.bigFileThreshold", "1m")
	git(t, repo, "config", "core.compression", "1")
	commitAll(t, repo)
}

func TestTooLarge(t *testing.T) {
	repo, _ := newRepo(t)
	zeros(t, repo, 64<<20)
	s, c := configFor(t, repo)
	c.MaxBytes = 16 << 20
	wantFailure(t, s, c, ErrTooLarge, "more than 16 MiB")

	// Of what does not pack, git's data is too much already.
	random := make([]byte, 4<<20)
	f, err := os.Open("/dev/urandom")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(random); err != nil {
		t.Fatal(err)
	}
	write(t, repo, map[string]string{"zeros": string(random)})
	commitAll(t, repo)
	c.MaxBytes = 3 << 20
	wantFailure(t, s, c, ErrTooLarge, "more than 3 MiB")
	c.MaxBytes = 6 << 20 // the files alone would fit
	wantFailure(t, s, c, ErrTooLarge, "more than 6 MiB")
	c.MaxBytes = 9 << 20
	if _, err := Fetch(t.Context(), s, c); err != nil {
		t.Error(err)
	}
}

// The bomb against the default limit: as much of it as there is time for.
// FORAGER_LONG has all of its 10 GB, which pack to 45 MB.
func TestBomb(t *testing.T) {
	size := int64(200 << 20)
	if os.Getenv("FORAGER_LONG") != "" {
		size = 10 << 30
	}
	repo, _ := newRepo(t)
	zeros(t, repo, size)
	s, c := configFor(t, repo)
	start := time.Now()
	wantFailure(t, s, c, ErrTooLarge, "more than 128 MiB")
	t.Logf("%d MiB refused after %s", size>>20, time.Since(start).Round(time.Second))
}
