package shell

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRun types any bytes, a line at a time, under small limits: no panic, no
// bound that is passed, and all memory given back.
func FuzzRun(f *testing.F) {
	paths, _ := filepath.Glob("testdata/droppers/*.txt")
	for i, path := range paths {
		f.Add(strings.Join(readDropper(f, path).lines, "\n"), uint8(i))
	}
	for _, text := range []string{
		"cat <<E\n$x`y`\nE", "f() { f; }; f", "echo ${x:-${y#*a}} ${x/a/b} ${x:1:2} $((1+x++))", "case a in [!a-c]) ;; esac",
		"x=$(cat <<Q\na\nQ\n)", "while read a; do echo $a; done < /etc/passwd", "echo a | sed 's/\\(a\\)/\\1/;$d' | awk '{print $1}' | tr a-z A-Z",
		"printf '%5.3s%b%c%x' a b c d", "dd if=/bin/ls bs=52 count=1 skip=1 of=/tmp/a seek=3", "find / -name '*[a-c]' -exec ls {} \\;", "mv /tmp /var/x; rm -rf /; ls -laR /",
		"ln -s . /tmp/l; ls -R /tmp/l/l/l; cp -r / /tmp", "exec 2>&1 >x; set -- $*; shift 9; trap", "echo {a,b{1..3}} $'\\x41' <(echo)",
	} {
		f.Add(text, uint8(len(text)))
	}
	devices := []string{"router", "camera", "nas", "ubuntu"}
	f.Fuzz(func(t *testing.T, text string, how uint8) {
		budget := NewBudget(1 << 20)
		s := open(t, devices[how&3], func(c *Config) {
			c.Limits = Limits{Line: 4096, Bytes: 16 << 10, Files: 32, Vars: 4096, Output: 8192, Pipe: 8192, Expand: 8192, Steps: 500, Depth: 8, Lines: 20}
			c.Budget, c.Fake, c.TTY = budget, how&4 != 0, how&8 != 0
			if how&16 != 0 {
				c.Stdin = strings.NewReader(text)
			}
		})
		lines := strings.Split(text, "\n")
		for i, line := range lines[:min(len(lines), 40)] {
			s.out.Reset()
			if how&32 != 0 && i == 0 {
				s.Exec([]byte(line), &s.out, &s.out)
			} else if _, exit := s.Run([]byte(line), &s.out); exit {
				break
			}
			_ = s.Prompt()
			if s.out.Len() > 2*8192+200 || s.fs.used > 16<<10 || s.fs.used < 0 || s.bytes > 4096 || s.bytes < 0 || len(s.fs.changed) > 32 {
				t.Fatalf("%d printed, %d in %d files, %d in variables", s.out.Len(), s.fs.used, len(s.fs.changed), s.bytes)
			}
		}
		s.Close()
		if s.fs.used != 0 || budget.left.Load() != 1<<20 {
			t.Fatalf("%d bytes are not given back, %d of the budget left", s.fs.used, budget.left.Load())
		}
	})
}

// FuzzRegex: any expression on any text ends soon.
func FuzzRegex(f *testing.F) {
	for _, re := range []string{"a*b", "^[^a-c]\\+$", "(a|b){2,3}c?", "\\(x\\)\\|y", "[[:digit:]]+", "\\<w\\>", "((a*)*)*b", "a**", "[]a]", "{", "\\"} {
		f.Add(re, "aaaaaaaaaaaaaab xy 12", true)
	}
	f.Fuzz(func(t *testing.T, re, text string, ext bool) {
		r, err := compile(re, ext)
		if err != nil {
			return
		}
		s := open(t, "router")
		marks, ok := r.find(s.Shell, text, 0)
		if ok && (marks[0] < 0 || marks[1] < marks[0] || marks[1] > len(text)) {
			t.Fatalf("%q in %q at %v", re, text, marks[:2])
		}
		if ok {
			appendReplacement(nil, `&\1\9`, text, marks)
		}
	})
}
