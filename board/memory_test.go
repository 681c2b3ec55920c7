package board

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
)

const mib = 1 << 20

func TestMemory(t *testing.T) {
	tests := []struct {
		name    string
		meminfo string // empty: no file
		cgroup  string
		files   map[string]string // under the cgroup root
		want    int64             // 0: an error
	}{
		{name: "nothing there"},
		{name: "empty meminfo", meminfo: "\n"},
		{name: "no MemTotal", meminfo: "MemFree: 1 kB\n"},
		{name: "MemTotal no number", meminfo: "MemTotal: many kB\n"},
		{name: "MemTotal zero", meminfo: "MemTotal: 0 kB\n"},
		{name: "MemTotal negative", meminfo: "MemTotal: -5 kB\n"},
		{name: "MemTotal beyond int64", meminfo: "MemTotal: 9223372036854775807 kB\n"},
		{name: "limit without MemTotal", cgroup: "0::/\n", files: map[string]string{"memory.max": "1048576\n"}},

		{name: "no cgroup", meminfo: "MemTotal:          60928 kB\nMemFree: 1 kB\n", want: 60928 << 10},
		{name: "rubbish cgroup", meminfo: "MemTotal: 1024 kB\n", cgroup: "::::\nx\n\n", want: mib},
		{
			name: "v2 max", meminfo: "MemTotal: 1048576 kB\n", cgroup: "0::/a\n",
			files: map[string]string{"a/memory.max": "max\n"}, want: 1024 * mib,
		},
		{
			name: "v2 limit", meminfo: "MemTotal: 1048576 kB\n", cgroup: "0::/a/b\n",
			files: map[string]string{"a/b/memory.max": "67108864\n"}, want: 64 * mib,
		},
		{
			name: "v2 parent's limit", meminfo: "MemTotal: 1048576 kB\n", cgroup: "0::/a/b\n",
			files: map[string]string{"a/memory.max": "33554432\n", "a/b/memory.max": "67108864\n"}, want: 32 * mib,
		},
		{
			name: "v2 container that sees the host's path", meminfo: "MemTotal: 1048576 kB\n", cgroup: "0::/docker/x\n",
			files: map[string]string{"memory.max": "67108864\n"}, want: 64 * mib,
		},
		{
			name: "v2 path that climbs", meminfo: "MemTotal: 1048576 kB\n", cgroup: "0::/../../../..\n",
			files: map[string]string{"memory.max": "67108864\n"}, want: 64 * mib,
		},
		{
			name: "v1 unlimited", meminfo: "MemTotal: 1048576 kB\n", cgroup: "4:cpu,memory:/x\n0::/\n",
			files: map[string]string{"memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, want: 1024 * mib,
		},
		{
			name: "v1 limit", meminfo: "MemTotal: 1048576 kB\n", cgroup: "5:pids:/x\n4:memory:/x\n",
			files: map[string]string{"memory/x/memory.limit_in_bytes": "134217728\n"}, want: 128 * mib,
		},
		{
			name: "limit above the machine's memory", meminfo: "MemTotal: 65536 kB\n", cgroup: "0::/\n",
			files: map[string]string{"memory.max": "134217728\n"}, want: 64 * mib,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			m := Machine{Meminfo: filepath.Join(dir, "meminfo"), SelfCgroup: filepath.Join(dir, "self"), CgroupRoot: filepath.Join(dir, "cgroup")}
			write(t, m.Meminfo, tt.meminfo)
			write(t, m.SelfCgroup, tt.cgroup)
			for name, text := range tt.files {
				write(t, filepath.Join(m.CgroupRoot, name), text)
			}
			got, err := m.Memory()
			if got != tt.want || (err != nil) != (tt.want == 0) {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if text == "" {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestThisMachine(t *testing.T) {
	if n, err := (Machine{}).Memory(); err != nil || n < 8*mib {
		t.Errorf("this machine: %d, %v", n, err)
	}
}

func TestUsage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smaps_rollup")
	m := Machine{SmapsRollup: path}
	for _, bad := range []string{"", "\n", "Rss: 5 kB\n", "Rss: x kB\nPrivate_Dirty: 5 kB\n"} {
		write(t, path, bad)
		if r, d, err := m.Usage(); err == nil {
			t.Errorf("%q: %d, %d", bad, r, d)
		}
	}
	write(t, path, "00400000-7ffd7000 ---p 00000000 00:00 0 [rollup]\nRss:                6500 kB\nPrivate_Dirty:       900 kB\nSwap: 0 kB\n")
	if r, d, err := m.Usage(); err != nil || r != 6500<<10 || d != 900<<10 {
		t.Errorf("%d, %d, %v", r, d, err)
	}
}

func TestClassOf(t *testing.T) {
	tests := []struct {
		memory int64
		want   Class
	}{
		{-1, Small},
		{0, Small}, // unknown
		{58 * mib, Small},
		{96 * mib, Small},
		{96*mib + 1, Medium},
		{320 * mib, Medium},
		{320*mib + 1, Large},
		{math.MaxInt64, Large},
	}
	for _, tt := range tests {
		if got := ClassOf(tt.memory); got != tt.want {
			t.Errorf("ClassOf(%d) = %v, want %v", tt.memory, got, tt.want)
		}
	}
}

// Whoever edits the table must keep what the comment above it promises.
func TestLimits(t *testing.T) {
	for c := Small; c <= Large; c++ {
		l := c.Limits()
		if l.ConnsPerAddr*2 > l.ConnsPerPot || l.ConnsPerPot*4 > l.Conns*3 {
			t.Errorf("%v: one address %d, one pot %d, all %d", c, l.ConnsPerAddr, l.ConnsPerPot, l.Conns)
		}
		const request, line = 20 << 10, 64 << 10 // the largest buffers
		if most := int64(l.Conns*request + l.IntakeConns*line); most > l.MemoryLimit*3/4 {
			t.Errorf("%v: buffers of %d bytes, of %d in all", c, most, l.MemoryLimit)
		}
		if c > Small && l.MemoryLimit <= (c-1).Limits().MemoryLimit {
			t.Errorf("%v has no more memory than %v", c, c-1)
		}
	}
}

func TestApply(t *testing.T) {
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	want := Small.Limits()
	want.Apply()
	if got := debug.SetMemoryLimit(-1); got != want.MemoryLimit {
		t.Errorf("memory limit %d, want %d", got, want.MemoryLimit)
	}
	if got := debug.SetGCPercent(percent); got != want.GOGC {
		t.Errorf("GOGC %d, want %d", got, want.GOGC)
	}
}

func TestCPUs(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	defer runtime.SetDefaultGOMAXPROCS()
	runtime.SetDefaultGOMAXPROCS()
	all := runtime.GOMAXPROCS(0)
	for class, want := range map[Class]int{Small: 1, Medium: max(1, runtime.NumCPU()/2), Large: all} {
		OneCPU()
		if got := runtime.GOMAXPROCS(0); got != 1 {
			t.Errorf("%d CPUs at the start", got)
		}
		class.Limits().ApplyCPUs()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d CPUs of a %v board, want %d", got, class, want)
		}
	}
	t.Setenv("GOMAXPROCS", "7")
	runtime.GOMAXPROCS(7)
	for class := range limits {
		OneCPU()
		Class(class).Limits().ApplyCPUs()
		if got := runtime.GOMAXPROCS(0); got != 7 {
			t.Errorf("%d CPUs, and not what the operator said", got)
		}
	}
}
