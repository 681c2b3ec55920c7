package boot

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// loader is the initramfs's init: it loads the modules, mounts the disk and
// hands over to the init that is there.
const loader = `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module args; do insmod /modules/$module $args || echo "loader: $module failed"; done </modules/order
n=0
until [ -b /dev/vda ] || [ $n = 100 ]; do usleep 100000; n=$((n+1)); done
mount -t ext4 -o noatime /dev/vda /root || { echo "loader: no disk"; poweroff -f; }
umount /sys
umount /proc
mount --move /dev /root/dev
exec switch_root /root /sbin/init
`

// writeInitramfs makes what the kernel starts with: BusyBox, the modules that
// the board needs, and the loader. parameters are of its watchdog's module.
func (b *board) writeInitramfs(cache, path, parameters string) error {
	wanted := append(append([]string{}, basic...), b.modules...)
	files, err := modules(b.cached(cache, "modules"), append(wanted, b.watchdog)...)
	if err != nil {
		return fmt.Errorf("%s: %w", b.arch, err)
	}
	busybox, err := os.ReadFile(b.cached(cache, "busybox"))
	if err != nil {
		return err
	}
	var out, order bytes.Buffer
	c := &cpio{w: &out}
	for _, dir := range []string{"bin", "dev", "proc", "sys", "root", "modules"} {
		c.dir(dir)
	}
	c.char("dev/console", 5, 1)
	c.file("bin/busybox", modeProg, busybox)
	for _, path := range files {
		module, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		c.file("modules/"+name, modeFile, module)
		order.WriteString(name)
		if moduleName(name) == b.watchdog {
			order.WriteString(" " + parameters)
		}
		order.WriteByte('\n')
	}
	c.file("modules/order", modeFile, order.Bytes())
	c.file("init", modeProg, []byte(loader))
	if err := c.close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

// Files of the small root, by path. /etc/inittab is the machine's own; the
// control server is the tests' way in: it runs what it is sent as root.
var smallRoot = map[string]string{
	"etc/init.d/rcS": `#!/bin/sh
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
[ -e /bin/ls ] || /bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
hostname -F /etc/hostname
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
route add default gw 10.0.2.2
sysctl -w kernel.printk='4 4 1 4' >/dev/null
syslogd -O /dev/console
for start in /etc/init.d/S??*; do [ ! -x "$start" ] || "$start" start; done
echo "boot: up"
`,
	"etc/init.d/rcK": `#!/bin/sh
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
for stop in /etc/init.d/S??*; do [ ! -x "$stop" ] || "$stop" stop; done
echo "boot: down"
`,
	"etc/inittab": `::sysinit:/etc/init.d/rcS
::respawn:/usr/sbin/httpd -f -p 80 -h /www
::respawn:/usr/sbin/httpd -f -p 81 -h /control
::shutdown:/etc/init.d/rcK
::shutdown:/bin/umount -a -r
::ctrlaltdel:/sbin/reboot
`,
	"etc/hostname":   "emulated\n",
	"etc/passwd":     "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	"etc/group":      "root:x:0:\nnogroup:x:65534:\n",
	"www/index.html": "<h1>The router's own page</h1>\n",
}

// control is the CGI program behind the control port, on every machine.
const control = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
echo "Content-Type: text/plain"
echo
head -c "$CONTENT_LENGTH" >"/tmp/command.$$"
sh "/tmp/command.$$" 2>&1 </dev/null
echo "exit $?"
rm -f "/tmp/command.$$"
`

// makeSmallRoot fills dir with a root file system of BusyBox and the files
// above, as small as a router's.
func (b *board) makeSmallRoot(cache, dir string) error {
	for _, d := range []string{"bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "sys", "tmp", "run", "root", "var/lib", "var/log", "etc/init.d", "www", "control/cgi-bin"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	busybox, err := os.ReadFile(b.cached(cache, "busybox"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), busybox, 0o755); err != nil {
		return err
	}
	for _, link := range []string{"bin/sh", "sbin/init"} {
		if err := os.Symlink("/bin/busybox", filepath.Join(dir, link)); err != nil {
			return err
		}
	}
	if err := putFiles(dir, smallRoot); err != nil {
		return err
	}
	return putFiles(dir, map[string]string{"control/cgi-bin/run": control})
}

// putFiles writes files below dir, making their directories. Those that begin
// like a script can be run.
func putFiles(dir string, files map[string]string) error {
	for name, content := range files {
		path, mode := filepath.Join(dir, name), os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			return err
		}
	}
	return nil
}

// makeDisk makes an ext4 image of so many MiB from what is below root.
func makeDisk(path, root string, size int) error {
	out, err := exec.Command("mkfs.ext4", "-q", "-F", "-d", root, "-L", "root", path, fmt.Sprintf("%dM", size)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	return nil
}
