package board

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Timeouts of a watchdog device in seconds.
const (
	// askTimeout is what is asked for; drivers that can't do it have their own.
	askTimeout = 60
	// askTimeoutPi: the timer of a Raspberry Pi counts 20 bits of 1/65536 s,
	// 15 s (drivers/watchdog/bcm2835_wdt.c); its driver would take more and
	// feed by itself in between.
	askTimeoutPi = 15
	// guessTimeout is that of a driver that does not tell.
	guessTimeout = 10
)

// Bits of watchdog_info.options and of the boot status (linux/watchdog.h).
const (
	wdOverheat   = 0x0001
	wdFanFault   = 0x0002
	wdExtern1    = 0x0004
	wdExtern2    = 0x0008
	wdPowerUnder = 0x0010
	wdCardReset  = 0x0020
	wdPowerOver  = 0x0040
	wdMagicClose = 0x0100
)

// bootCauses are the words of the boot status.
var bootCauses = []struct {
	bit  uint32
	text string
}{
	{wdCardReset, "the watchdog"}, {wdOverheat, "overheating"}, {wdFanFault, "a failed fan"},
	{wdPowerUnder, "low voltage"}, {wdPowerOver, "high voltage"},
	{wdExtern1, "external relay 1"}, {wdExtern2, "external relay 2"},
}

// watchdogDevice is the kernel's interface (Documentation/watchdog/
// watchdog-api.rst): opening it starts the clock.
type watchdogDevice interface {
	support() (options uint32, identity string, err error)
	bootStatus() (uint32, error)
	setTimeout(seconds int) error
	timeout() (seconds int, err error)
	keepAlive() error
	release() error // the magic close
	file() *os.File
}

// Watchdog is a watchdog device that this node feeds alone.
type Watchdog struct {
	path     string
	dev      watchdogDevice
	identity string
	seconds  int
	nowayout bool
	boot     uint32
	bootErr  error
	log      *Log
}

// watchdogName is what the device is called between one program and the next.
const watchdogName = "WATCHDOG"

// OpenWatchdog opens the device, which starts it, and sets its timeout. The
// program that restarted itself as this one may have left it open. It refuses
// on OpenWrt, where procd feeds /dev/watchdog and would be locked out. The
// error says what to do instead and names -watchdog.
func OpenWatchdog(m Machine, path string, log *Log) (*Watchdog, error) {
	left := LeftOpen(watchdogName)
	if m.OpenWrt() {
		return nil, fmt.Errorf("watchdog %s is procd's on OpenWrt and is left to it (-watchdog)", path)
	}
	dev, err := openWatchdogDevice(path, left)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("no watchdog: %w; its driver may not be loaded (-watchdog)", err)
	case isBusy(err):
		return nil, fmt.Errorf("no watchdog: %w: another program feeds it; let it watch -heartbeat-file instead (-watchdog)", err)
	case err != nil:
		return nil, fmt.Errorf("no watchdog: %w (-watchdog)", err)
	}
	return newWatchdog(m, path, dev, log), nil
}

// DropWatchdog lets go of a device that the program before this one left open,
// and that this one was not told to feed.
func DropWatchdog() {
	if f := LeftOpen(watchdogName); f != nil {
		_ = releaseWatchdog(f)
	}
}

func newWatchdog(m Machine, path string, dev watchdogDevice, log *Log) *Watchdog {
	w := &Watchdog{path: path, dev: dev, log: log}
	options, identity, err := dev.support()
	if err != nil {
		log.Warnf("watchdog %s does not tell what it is: %v", path, err)
	}
	w.identity = identity
	w.boot, w.bootErr = dev.bootStatus()
	w.nowayout = m.noWayOut(path)
	ask := []int{askTimeout, 30, askTimeoutPi}
	if strings.Contains(strings.ToLower(identity), "bcm2835") || strings.HasPrefix(m.Model(), "Raspberry Pi") {
		ask = []int{askTimeoutPi}
	}
	for _, seconds := range ask {
		if err = dev.setTimeout(seconds); err == nil {
			break
		}
	}
	if err != nil {
		log.Warnf("watchdog %s: timeout of %d s: %v; it keeps its own", path, ask[0], err)
	}
	if w.seconds, err = dev.timeout(); err != nil || w.seconds <= 0 {
		log.Warnf("watchdog %s does not tell its timeout; taking it for %d s", path, guessTimeout)
		w.seconds = guessTimeout
	}
	log.Infof("watchdog %s, %q: resets this machine after %d s without proof of life", path, identity, w.seconds)
	if w.nowayout {
		log.Warnf("watchdog %s can't be stopped (nowayout): without a node that feeds it the machine resets", path)
	} else if options&wdMagicClose == 0 {
		log.Warnf("watchdog %s knows no magic close: its driver stops when the node ends in any way", path)
	}
	return w
}

// Name is what status and the log call it.
func (w *Watchdog) Name() string { return "watchdog " + w.path }

// Every is half of the device's timeout.
func (w *Watchdog) Every() time.Duration { return time.Duration(w.seconds) * time.Second / 2 }

// Feed makes it count anew.
func (w *Watchdog) Feed() error { return w.dev.keepAlive() }

// Close stops the device, unless the kernel does not allow that.
func (w *Watchdog) Close() error {
	_ = w.dev.keepAlive()
	err := w.dev.release()
	if err == nil && w.nowayout {
		err = fmt.Errorf("can't be stopped (nowayout): this machine resets in %d s unless something feeds it", w.seconds)
	}
	return err
}

// Leave feeds the device once more and adds it to what Replace leaves open for
// the next program.
func (w *Watchdog) Leave(open map[string]*os.File) {
	_ = w.dev.keepAlive()
	open[watchdogName] = w.dev.file()
}

// Identity is what the driver calls itself, and its timeout in seconds.
func (w *Watchdog) Identity() (string, int) { return w.identity, w.seconds }

// BootCause tells why the machine booted last, as far as the device knows:
// false when it does not.
func (w *Watchdog) BootCause() (string, bool) {
	if w == nil || w.bootErr != nil {
		return "", false
	}
	return bootCause(w.boot)
}

func bootCause(status uint32) (string, bool) {
	var words []string
	for _, c := range bootCauses {
		if status&c.bit != 0 {
			words = append(words, c.text)
		}
	}
	return strings.Join(words, ", "), len(words) > 0
}

// BootCause asks the first watchdog under /sys that knows why the machine
// booted, without opening it (Documentation/ABI/testing/sysfs-class-watchdog).
func (m Machine) BootCause() (string, bool) {
	list, _ := filepath.Glob(m.path("/sys/class/watchdog/watchdog*/bootstatus"))
	for _, path := range list {
		text, err := readFact(path)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(text), 0, 32); err == nil {
			if cause, ok := bootCause(uint32(n)); ok {
				return cause, true
			}
		}
	}
	return "", false
}

// noWayOut tells whether the kernel keeps this device from being stopped.
// /dev/watchdog is the first of them.
func (m Machine) noWayOut(path string) bool {
	name := filepath.Base(path)
	if name == "watchdog" {
		name = "watchdog0"
	}
	text, err := readFact(m.path(filepath.Join("/sys/class/watchdog", name, "nowayout")))
	return err == nil && strings.TrimSpace(text) == "1"
}
