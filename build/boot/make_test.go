package boot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCPIO compares with what the kernel's documentation says; the kernel
// itself judges in make boot.
func TestCPIO(t *testing.T) {
	var b bytes.Buffer
	c := &cpio{w: &b}
	c.dir("bin")
	c.file("bin/odd", modeProg, []byte("12345"))
	c.file("empty", modeFile, nil)
	must(t, c.close())
	// A header of 110 bytes, the name, a zero, and filled up to four.
	want := "070701" + "00000001" + "000041ED" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" +
		"00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000" + "bin\\x00\\x00\\x00"
	want = strings.ReplaceAll(want, `\x00`, "\x00")
	if got := b.String()[:len(want)]; got != want {
		t.Errorf("the first member is\n%q, want\n%q", got, want)
	}
	if b.Len()%4 != 0 || !strings.Contains(b.String(), "12345\x00\x00\x00070701") {
		t.Errorf("members do not begin at multiples of four: %q", b.String())
	}
}

func TestCPIOError(t *testing.T) {
	c := &cpio{w: failing{}}
	c.dir("bin")
	c.dir("lib")
	if c.close() == nil {
		t.Error("a failed write is no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestModules orders modules as their .modinfo sections say.
func TestModules(t *testing.T) {
	dir := t.TempDir()
	for name, needs := range map[string]string{"a.ko": "b,in-built", "sub/b.ko": "c_d", "sub/c-d.ko": "", "lost.ko": "nowhere", "x.ko": ""} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, tinyELF("license=GPL\x00depends="+needs+"\x00"), 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/in_built.ko\nkernel/top.ko\n"), 0o644))
	for _, bad := range []string{"absent", "lost"} {
		if _, err := modules(dir, bad); err == nil {
			t.Errorf("%s is no error", bad)
		}
	}
	got, err := modules(dir, "top", "a", "c_d")
	must(t, err)
	for i, path := range got {
		got[i], _ = filepath.Rel(dir, path)
	}
	if want := []string{"sub/c-d.ko", "sub/b.ko", "a.ko"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

// tinyELF is an object file with one section, .modinfo, as a module has it.
func tinyELF(info string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	const header, section = 64, 64
	body := info + names
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_AARCH64), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(header + len(body)), Ehsize: header, Shentsize: section, Shnum: 3, Shstrndx: 2,
	}
	sections := []elf.Section64{{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: header, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(header + len(info)), Size: uint64(len(names))},
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a Buffer takes everything
	b.WriteString(body)
	_ = binary.Write(&b, binary.LittleEndian, sections)
	return b.Bytes()
}
