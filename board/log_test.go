package board

import (
	"bytes"
	"testing"
)

func TestParseLevel(t *testing.T) {
	for _, bad := range []string{"", "INFO", "warning", "trace", "4"} {
		if l, err := ParseLevel(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, l)
		}
	}
	for i, name := range levelNames {
		if l, err := ParseLevel(name); err != nil || l != Level(i) {
			t.Errorf("%q: %v, %v", name, l, err)
		}
	}
}

func TestLog(t *testing.T) {
	var none *Log
	none.Errorf("nobody hears %s", "this")
	none.SetLevel(LevelDebug)

	var b bytes.Buffer
	l := NewLog(&b, LevelWarn)
	l.Infof("not said")
	l.Warnf("said %q", "a\nb")
	l.SetLevel(LevelDebug)
	l.Debugf("said too")
	l.Errorf("x\nwarn: %s", "\x1b[2J\u009b\r\té\x00")
	if got, want := b.String(), "warn: said \"a\\nb\"\ndebug: said too\nerror: x warn:  [2J   é \n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
