package board

import "testing"

func TestReadOnly(t *testing.T) {
	for _, tt := range []struct {
		line       string
		start, end uintptr
	}{
		{"", 0, 0},
		{"00400000-00a0 r-xp", 0, 0},
		{"00400000-00a0c000 rw-p 00000000 fe:00 1 /bin/forager", 0, 0},
		{"00400000-00a0c000 r-xp 00000000 fe:00 1 /bin/other", 0, 0},
		{"00400000-00a0c000 r-xp 00000000 00:00 0", 0, 0},
		{"zz-00a0c000 r-xp 00000000 fe:00 1 /bin/forager", 0, 0},
		{"00400000-00a0c000 r-xp 00000000 fe:00 1 /bin/forager", 0x400000, 0xa0c000},
		{"00a0c000-00b0c000 r--p 0060c000 fe:00 1    /bin/forager", 0xa0c000, 0xb0c000},
	} {
		if start, end := readOnly(tt.line, "/bin/forager"); start != tt.start || end != tt.end {
			t.Errorf("%q: %x-%x, want %x-%x", tt.line, start, end, tt.start, tt.end)
		}
	}
}

func TestProgramGoesOnWithoutItsText(t *testing.T) {
	if ShedText() == 0 {
		t.Error("nothing was offered")
	}
	if n := len(t.Name()); n == 0 { // runs, so its page came back
		t.Error("no name")
	}
}
