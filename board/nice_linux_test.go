package board

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A child of the test, since there is no way back for an ordinary user.
func TestSetNice(t *testing.T) {
	if want := os.Getenv("BOARD_TEST_NICE"); want != "" {
		fmt.Println(niceOfAll(t))
		return
	}
	child := exec.Command("/proc/self/exe", "-test.run=^TestSetNice$", "-test.v")
	child.Env = append(os.Environ(), "BOARD_TEST_NICE=1")
	out, err := child.CombinedOutput()
	if errors.Is(err, unix.ENOEXEC) {
		t.Skip("emulated, and the kernel does not know")
	}
	if err != nil || !strings.Contains(string(out), "all nice") {
		t.Errorf("%v\n%s", err, out)
	}
}

func niceOfAll(t *testing.T) string {
	// Threads that are there before, and those that come later.
	done := make(chan struct{})
	defer close(done)
	hold := func() {
		held := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(held)
			<-done
		}()
		<-held
	}
	for range 4 {
		hold()
	}
	if err := SetNice(11); err != nil {
		if cgo && errors.Is(err, unix.ENOTSUP) {
			return "all nice, as they were"
		}
		t.Fatal(err)
	}
	for range 4 {
		hold()
	}
	if err := SetNice(11); err != nil {
		t.Fatal(err)
	}
	if n, err := Nice(); n != 11 || err != nil {
		t.Errorf("nice %d, %v", n, err)
	}
	files, _ := filepath.Glob("/proc/self/task/*/stat")
	if len(files) < 8 {
		t.Fatalf("%d threads", len(files))
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if got := strings.Fields(rest)[16]; got != "11" { // field 19 of proc(5)
			t.Errorf("%s: nice %s", file, got)
		}
	}
	return "all nice"
}
