// Package boot tests the node on machines that boot: Debian's kernels in
// QEMU, with a root file system that it makes itself, so that watchdogs bite,
// clocks are wrong, memory is short and init systems are real. make boot runs
// it; go test alone tests only what the machines are made with.
//
// It runs one machine at a time and ends what it starts. A machine's network
// is a cable to the host, in a network namespace that ends there: nothing gets
// out of it. All that needs root.
package boot

import (
	"path/filepath"
	"strconv"
)

// Addresses of the two ends of the cable, and its name on the host.
const (
	hostAddr  = "10.0.2.2"
	guestAddr = "10.0.2.15"
	cable     = "boot0"
)

// board is a kind of machine.
type board struct {
	arch    string // Debian's name
	target  string // build/cross.sh's name
	qemu    string
	args    []string // of QEMU: the machine and its processor
	console string
	kernel  string // more of the kernel's command line
	memory  int    // MiB
	network string // QEMU's device, and below its module
	poor    bool   // has no source of random numbers
	modules []string
	// The watchdog: its module with parameters, and what QEMU must be told.
	watchdog     string
	watchdogArgs []string
}

// What every board's kernel needs to find its disk and file system. The last
// is what ext4 asks the kernel for by another name.
var basic = []string{"virtio_pci", "virtio_blk", "virtio_rng", "ext4", "crc32c_generic"}

var (
	// A Raspberry Pi's processor, with a watchdog in silicon.
	arm64 = &board{
		arch: "arm64", target: "arm64", qemu: "qemu-system-aarch64",
		args: []string{"-M", "virt", "-cpu", "cortex-a53"}, console: "ttyAMA0", memory: 256,
		network: "virtio-net-pci", modules: []string{"virtio_net"},
		watchdog: "i6300esb", watchdogArgs: []string{"-device", "i6300esb", "-action", "watchdog=reset"},
	}
	armhf = &board{
		arch: "armhf", target: "armv7", qemu: "qemu-system-arm",
		// Above 4 GiB is nothing for a kernel without LPAE.
		args: []string{"-M", "virt,highmem=off", "-cpu", "cortex-a15"}, console: "ttyAMA0", memory: 128,
		network: "virtio-net-pci", modules: []string{"virtio_net"}, watchdog: "softdog",
	}
	// A router of the smallest kind that can start the node. Linux tries ten
	// times to set this timer for the next moment and gives up when it has
	// always just passed; QEMU is slow enough for that when packets keep it
	// busy, and then time stands still for the 43 s that the counter takes to
	// come round. A periodic tick is never that near.
	mipsel = &board{
		arch: "mipsel", target: "mipsle", qemu: "qemu-system-mipsel",
		args: []string{"-M", "malta", "-cpu", "24Kc"}, console: "ttyS0", kernel: "highres=off nohz=off", memory: 64,
		// In a slot whose interrupt the disk does not share: those of both at
		// once would be one edge, and one of them lost. So there is no place
		// for a source of random numbers.
		network: "virtio-net-pci,addr=0x14", modules: []string{"virtio_net"}, watchdog: "softdog", poor: true,
	}
	// A Debian server: what systemd runs on here. Not with KVM, which has
	// assertions of QEMU fail on hosts that are virtual themselves.
	amd64 = &board{
		arch: "amd64", target: "amd64", qemu: "qemu-system-x86_64",
		args: []string{"-M", "q35", "-accel", "tcg", "-cpu", "qemu64"}, console: "ttyS0", memory: 512,
		network: "virtio-net-pci", modules: []string{"virtio_net"},
		watchdog: "i6300esb", watchdogArgs: []string{"-device", "i6300esb", "-action", "watchdog=reset"},
	}
)

// cached is the path of something that build/boot/fetch.sh left below cache.
func (b *board) cached(cache, name string) string { return filepath.Join(cache, b.arch, name) }

// qemuArgs are all the arguments for a machine whose files are in dir.
func (b *board) qemuArgs(cache, dir string) []string {
	args := append([]string{}, b.args...)
	args = append(args, "-m", strconv.Itoa(b.memory), "-nodefaults", "-display", "none", "-no-user-config",
		"-kernel", b.cached(cache, "kernel"), "-initrd", filepath.Join(dir, "initramfs"),
		"-append", "console="+b.console+" rdinit=/init panic=1 net.ifnames=0 "+b.kernel,
		"-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial",
		"-qmp", "unix:"+filepath.Join(dir, "qmp")+",server=on,wait=off",
		"-drive", "if=none,id=d0,format=raw,cache=unsafe,file="+filepath.Join(dir, "disk"), "-device", "virtio-blk-pci,drive=d0",
		"-netdev", "tap,id=n0,ifname="+cable+",script=no,downscript=no", "-device", b.network+",netdev=n0,romfile=")
	if !b.poor {
		args = append(args, "-device", "virtio-rng-pci")
	}
	return append(args, b.watchdogArgs...)
}
