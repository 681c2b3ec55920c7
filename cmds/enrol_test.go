package cmds

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The code for a known URI was read back once with zbar's reader; the golden
// file keeps it so.
func TestWriteEnrolment(t *testing.T) {
	if err := WriteEnrolment(new(bytes.Buffer), strings.Repeat("x", 10000)); err == nil {
		t.Error("10,000 bytes went into one QR code")
	}
	const uri = "otpauth://totp/HoneyBee:router?algorithm=SHA1&digits=6&issuer=HoneyBee&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	var b bytes.Buffer
	if err := WriteEnrolment(&b, uri); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/qr.txt", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/qr.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if lines[0] != uri {
		t.Errorf("the first line is %q", lines[0])
	}
	for _, line := range lines[1:] {
		if n := utf8.RuneCountInString(line); n != utf8.RuneCountInString(lines[1]) || n > 80 {
			t.Errorf("%d columns in %q", n, line)
		}
	}
}

func TestEnrol(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-node-name", "router", "-state-dir", filepath.Join(dir, "state")}
	var first, second bytes.Buffer
	if err := Enrol(&first, args); err != nil {
		t.Fatal(err)
	}
	if err := Enrol(&second, args); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) || !strings.HasPrefix(first.String(), "otpauth://totp/HoneyBee:router?") {
		t.Errorf("got\n%s\nand\n%s", &first, &second)
	}
	if err := Enrol(&first, []string{"-state-dir", "/proc/none"}); err == nil || !strings.Contains(err.Error(), "-state-dir") {
		t.Errorf("without a state directory: %v", err)
	}
}
