package board

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The light's language: lit while Core is there, dark for a moment at an
// attack, a short flash every two seconds while Core is away. The kernel's
// triggers blink (Documentation/leds/ledtrig-oneshot.rst, leds-class.rst), so
// that nothing of ours wakes up for it.
const (
	// ledPace is the shortest time between two blinks for attacks.
	ledPace = 250 * time.Millisecond
	// ledBlink is how long the light is dark for an attack.
	ledBlink = 60 * time.Millisecond
	// ledFlash and ledDark are what tells that Core is away.
	ledFlash, ledDark = 100 * time.Millisecond, 1900 * time.Millisecond
	// maxLEDName is how long a name may be (LED_MAX_NAME_SIZE of linux/leds.h
	// is 64).
	maxLEDName = 64
	// maxLEDsNamed is how many lights an error names.
	maxLEDsNamed = 10
)

// LED is one light of the machine under /sys/class/leds, which this node has
// for itself until Close. A nil LED shows nothing.
type LED struct {
	name, dir string
	before    string // the trigger before us
	bright    string // the brightness before us
	most      string // the largest brightness
	triggers  []string

	next atomic.Int64 // no blink before, on the events' clock

	mu      sync.Mutex
	shows   string // for status
	oneshot bool   // the kernel blinks
	up      bool
	closed  bool
	blinks  uint64
}

// OpenLED takes the light and shows that Core is away. The error names those
// that are there, and -led.
func OpenLED(m Machine, name string) (*LED, error) {
	if err := CheckLED(name); err != nil {
		return nil, err
	}
	l := &LED{name: name, dir: m.path("/sys/class/leds/" + name)}
	text, err := readFact(filepath.Join(l.dir, "trigger"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no LED %q: this machine has %s (-led)", name, m.leds())
	}
	if err != nil {
		return nil, fmt.Errorf("LED: %w (-led)", err)
	}
	for _, t := range strings.Fields(text) {
		if inner, ok := strings.CutPrefix(t, "["); ok {
			t = strings.TrimSuffix(inner, "]")
			l.before = t
		}
		l.triggers = append(l.triggers, t)
	}
	l.bright, l.most = l.read("brightness"), l.read("max_brightness")
	if l.most == "" {
		l.most = "1"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.away(); err != nil {
		return nil, fmt.Errorf("LED: %w (-led)", err)
	}
	return l, nil
}

// CheckLED tells why a name can't be that of a light.
func CheckLED(name string) error {
	if name == "" || name[0] == '.' || len(name) > maxLEDName || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("LED %.70q: want the name of a directory in /sys/class/leds (-led)", name)
	}
	return nil
}

// leds names the lights that are there.
func (m Machine) leds() string {
	list, _ := filepath.Glob(m.path("/sys/class/leds/*"))
	if len(list) == 0 {
		return "none"
	}
	for i := range list {
		list[i] = word(filepath.Base(list[i]))
	}
	if len(list) > maxLEDsNamed {
		list = append(list[:maxLEDsNamed], "others")
	}
	return strings.Join(list, ", ")
}

// Files are what the light is set with, for whom the node becomes.
func (l *LED) Files() (files []*os.File) {
	if l == nil {
		return nil
	}
	for _, name := range []string{"trigger", "brightness"} {
		if f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY, 0); err == nil {
			files = append(files, f)
		}
	}
	return files
}

// Up shows that Core is there.
func (l *LED) Up() { l.link(true) }

// Down shows that Core is away.
func (l *LED) Down() { l.link(false) }

func (l *LED) link(up bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.up == up {
		return
	}
	l.up = up
	if up {
		l.here()
	} else {
		_ = l.away() // it worked at the start
	}
}

// here lights the light. Where oneshot can't be set up, as by a user that may
// not write what it brings, the light is lit by hand.
func (l *LED) here() {
	l.oneshot = slices.Contains(l.triggers, "oneshot") && l.write("trigger", "oneshot") == nil &&
		l.write("delay_on", millis(ledBlink)) == nil && l.write("delay_off", millis(ledBlink)) == nil &&
		l.write("invert", "1") == nil
	l.shows = "lit: Core is there"
	if !l.oneshot {
		_ = l.write("trigger", "none")
		_ = l.write("brightness", l.most)
	}
}

// away flashes, or is dark where the kernel can't flash.
func (l *LED) away() error {
	l.oneshot, l.shows = false, "flashing: Core is away"
	if slices.Contains(l.triggers, "timer") && l.write("trigger", "timer") == nil {
		_ = l.write("delay_on", millis(ledFlash)) // half a second otherwise
		_ = l.write("delay_off", millis(ledDark))
		return nil
	}
	l.shows = "dark: Core is away"
	if err := l.write("trigger", "none"); err != nil {
		return err
	}
	return l.write("brightness", "0")
}

// Attack blinks once for an event at the moment mono, nanoseconds on any clock
// that goes on; not more often than ledPace. It does not block.
func (l *LED) Attack(mono int64) {
	if l == nil {
		return
	}
	next := l.next.Load()
	if mono < next && next-mono < int64(2*ledPace) || !l.next.CompareAndSwap(next, mono+int64(ledPace)) {
		return
	}
	go l.blink() // writing to a light behind a slow bus takes time
}

func (l *LED) blink() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.up {
		return
	}
	l.blinks++
	if l.oneshot {
		_ = l.write("shot", "1")
		return
	}
	_ = l.write("brightness", "0")
	time.AfterFunc(ledBlink, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.up && !l.closed && !l.oneshot {
			_ = l.write("brightness", l.most)
		}
	})
}

// Close gives the light back as it was.
func (l *LED) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	_ = l.write("trigger", or(l.before, "none"))
	if l.before == "none" || l.before == "" {
		_ = l.write("brightness", or(l.bright, "0"))
	}
}

// String is what status shows.
func (l *LED) String() string {
	if l == nil {
		return "off"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%s, %s, %d blinks", l.name, l.shows, l.blinks)
}

func (l *LED) read(name string) string {
	text, err := readFact(filepath.Join(l.dir, name))
	if err != nil {
		return ""
	}
	return word(text)
}

func (l *LED) write(name, value string) error {
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
