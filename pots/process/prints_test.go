package process

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// failing takes some bytes and then no more.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no more")
	}
	return len(p), nil
}

// What has a Writer of its own comes whole; the ring of lines gets the rest.
func TestRunPrints(t *testing.T) {
	leakless(t)
	const lines = 20000
	script := "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; printf 'no\\0line' ; echo bad >&2"
	for _, tt := range []struct {
		name           string
		stdout, stderr bool
	}{{"both", true, true}, {"stdout", true, false}, {"stderr", false, true}} {
		var stdout, stderr bytes.Buffer
		s, _ := spec(t, script)
		s.Output = NewOutput(1 << 20)
		if tt.stdout {
			s.Stdout = &stdout
		}
		if tt.stderr {
			s.Stderr = &stderr
		}
		if err := Run(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		out, kept := stdout.String(), strings.Join(s.Output.Lines(1<<20), "\n")
		if tt.stdout && (strings.Count(out, "\n") != lines || !strings.HasSuffix(out, "\n19999\nno\x00line")) {
			t.Errorf("%s: %d bytes of stdout, the last are %q", tt.name, len(out), out[max(0, len(out)-20):])
		}
		if tt.stderr && stderr.String() != "bad\n" {
			t.Errorf("%s: stderr %q", tt.name, stderr.String())
		}
		if inRing := strings.Contains(kept, "bad"); inRing == tt.stderr {
			t.Errorf("%s: the error in the ring: %v", tt.name, inRing)
		}
		if inRing := strings.Contains(kept, "19999"); inRing == tt.stdout {
			t.Errorf("%s: the output in the ring: %v", tt.name, inRing)
		}
	}
	// A Writer that fails does not stop the program.
	s, _ := spec(t, script)
	s.Stdout = &failing{left: 100}
	if err := Run(t.Context(), s); err != nil {
		t.Error(err)
	}
}
