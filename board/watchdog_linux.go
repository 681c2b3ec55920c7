package board

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// wdiocSetTimeout is _IOWR('W', 6, int) of linux/watchdog.h, which x/sys does
// not have. MIPS numbers directions differently (asm/ioctl.h), but reading and
// writing together is the same number there.
const wdiocSetTimeout = 0xc0045706

// watchdogFile is a device of the kernel.
type watchdogFile struct{ f *os.File }

func openWatchdogDevice(path string, left *os.File) (watchdogDevice, error) {
	if left != nil {
		if sameDevice(path, left) {
			return watchdogFile{left}, nil
		}
		_ = releaseWatchdog(left)
	}
	noDevice := &os.PathError{Op: "open", Path: path, Err: errors.New("is no watchdog device")}
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		return nil, noDevice // and not opened: a pipe's end would wait for the other
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if _, err := unix.IoctlGetWatchdogInfo(int(f.Fd())); errors.Is(err, unix.ENOTTY) {
		f.Close()
		return nil, noDevice
	}
	return watchdogFile{f}, nil
}

// sameDevice tells whether the open file is the device that path names.
func sameDevice(path string, f *os.File) bool {
	a, errA := os.Stat(path)
	b, errB := f.Stat()
	return errA == nil && errB == nil && os.SameFile(a, b)
}

func isBusy(err error) bool { return errors.Is(err, unix.EBUSY) }

func (d watchdogFile) fd() int        { return int(d.f.Fd()) }
func (d watchdogFile) file() *os.File { return d.f }

func (d watchdogFile) support() (uint32, string, error) {
	info, err := unix.IoctlGetWatchdogInfo(d.fd())
	if err != nil {
		return 0, "", err
	}
	return info.Options, unix.ByteSliceToString(info.Identity[:]), nil
}

func (d watchdogFile) bootStatus() (uint32, error) {
	return unix.IoctlGetUint32(d.fd(), unix.WDIOC_GETBOOTSTATUS)
}

func (d watchdogFile) setTimeout(seconds int) error {
	return unix.IoctlSetPointerInt(d.fd(), wdiocSetTimeout, seconds)
}

func (d watchdogFile) timeout() (int, error) {
	n, err := unix.IoctlGetUint32(d.fd(), unix.WDIOC_GETTIMEOUT)
	return int(int32(n)), err
}

func (d watchdogFile) keepAlive() error { return unix.IoctlWatchdogKeepalive(d.fd()) }
func (d watchdogFile) release() error   { return releaseWatchdog(d.f) }

// releaseWatchdog writes the character that says that the close to come is
// meant (WDIOF_MAGICCLOSE), and closes.
func releaseWatchdog(f *os.File) error {
	_, err := f.Write([]byte{'V'})
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
