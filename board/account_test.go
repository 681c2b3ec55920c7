package board

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckAccount(t *testing.T) {
	for _, bad := range []string{
		"", ":", "a:", ":a", "a:b:c", "root", "root:users", "0", "00", "0:5", "-1", "-a", "a b", "a\n", "a/b", "ä",
		"4294967295", "65535", "1:4294967295", "99999999999999999999", strings.Repeat("a", 65),
	} {
		if CheckAccount(bad) == nil {
			t.Errorf("%q is good", bad)
		}
	}
	for _, good := range []string{"nobody", "nobody:nogroup", "1000", "1000:100", "_forager", "forager-1", "a.b$", "4294967294"} {
		if err := CheckAccount(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestFindAccount(t *testing.T) {
	dir := t.TempDir()
	a := Accounts{Passwd: filepath.Join(dir, "passwd"), Group: filepath.Join(dir, "group")}
	write(t, a.Passwd, "root:x:0:0:root:/root:/bin/sh\nbroken:x\ntoor:x:0:0::/:\nodd:x:many:1::/:\nbig:x:4294967295:1::/:\n"+
		"nobody:*:65534:65533:nobody:/var:/bin/false\nlast:x:7:8::/:/bin/sh")
	write(t, a.Group, "root:x:0:\nnogroup:x:65534:\nusers:x:100:a,b\n")
	tests := []struct {
		text     string
		uid, gid int // 0, 0: an error
	}{
		{"", 0, 0},
		{"nobody2", 0, 0},
		{"broken", 0, 0},
		{"toor", 0, 0},
		{"odd", 0, 0},
		{"big", 0, 0},
		{"nobody:none", 0, 0},
		{"nobody:users:x", 0, 0},

		{"nobody", 65534, 65533},
		{"nobody:users", 65534, 100},
		{"nobody:7", 65534, 7},
		{"65534", 65534, 65533},
		{"65534:nogroup", 65534, 65534},
		{"4242", 4242, 4242},
		{"last", 7, 8},
	}
	for _, tt := range tests {
		got, err := a.Find(tt.text)
		if got.UID != tt.uid && err == nil || got.GID != tt.gid && err == nil || (err != nil) != (tt.uid == 0) {
			t.Errorf("%q: %+v, %v; want %d:%d", tt.text, got, err, tt.uid, tt.gid)
		}
	}
	if got, err := (Accounts{Passwd: dir + "/none", Group: dir + "/none"}).Find("5:6"); err != nil || got.UID != 5 || got.GID != 6 {
		t.Errorf("without files: %+v, %v", got, err)
	}
	if _, err := (Accounts{Passwd: dir + "/none"}).Find("a"); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a name without files: %v", err)
	}
}
