package board

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLacks(t *testing.T) {
	have := Access{
		Read: []string{"/etc/forager", "/proc"}, Exec: []string{"/usr"}, Write: []string{"/var/lib/forager", "state"}, Sockets: []string{"/run"},
		Connect: []uint16{53, 9001},
	}
	tests := []struct {
		name string
		next Access
		want []string
	}{
		{"nothing", Access{Connect: []uint16{}}, nil},
		{"the same", have, nil},
		{"less", Access{Read: []string{"/etc/forager/a.conf", "/usr/share", "/var/lib/forager"}, Write: []string{"/var/lib/forager/x/"}, Connect: []uint16{9001}}, nil},
		{"a name that begins alike", Access{Read: []string{"/etc/forager2"}, Connect: have.Connect}, []string{"/etc/forager2"}},
		{"to write what was read", Access{Write: []string{"/etc/forager"}, Connect: have.Connect}, []string{"/etc/forager"}},
		{"to run what was written", Access{Exec: []string{"/var/lib/forager"}, Connect: have.Connect}, []string{"/var/lib/forager"}},
		{"a way up", Access{Read: []string{"/proc/../root"}, Connect: have.Connect}, []string{"/proc/../root"}},
		{"another socket", Access{Sockets: []string{"/tmp"}, Connect: have.Connect}, []string{"/tmp"}},
		{"another port", Access{Connect: []uint16{53, 9002}}, []string{":9002"}},
		{"all ports", Access{}, []string{"any port"}},
	}
	for _, tt := range tests {
		if got := have.Lacks(tt.next); !slices.Equal(got, tt.want) {
			t.Errorf("%s: lacks %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := (Access{Read: []string{"/"}}).Lacks(Access{Read: []string{"/etc"}}); got != nil {
		t.Errorf("the root lacks %q", got)
	}
}

func TestDirOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/live", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/live/cert", "x")
	if err := os.Symlink("live/cert", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/link": "/live", "/live/cert": "/live", "/none": "", "/none/x": "/none"} {
		if got := DirOf(dir + path); got != dir+want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
