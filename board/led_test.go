package board

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// light makes a light of plain files; what the kernel brings with a trigger is
// there from the start.
func light(t *testing.T, trigger string, more ...string) (Machine, func(want map[string]string)) {
	t.Helper()
	dir := "sys/class/leds/green:status/"
	files := map[string]string{dir + "trigger": trigger + "\n", dir + "brightness": "255\n", dir + "max_brightness": "255\n"}
	for _, name := range more {
		files[dir+name] = "0\n"
	}
	m := root(t, files)
	return m, func(want map[string]string) {
		t.Helper()
		for name, text := range want {
			b, err := os.ReadFile(filepath.Join(m.Root, dir, name))
			if err != nil || strings.TrimSpace(string(b)) != text {
				t.Errorf("%s is %q, %v, want %q", name, b, err, text)
			}
		}
	}
}

func TestLEDRefuses(t *testing.T) {
	m, _ := light(t, "[none]")
	for name, want := range map[string]string{
		"": "want the name", "..": "want the name", "../../x": "want the name", "a\x00": "want the name",
		strings.Repeat("x", 65): "want the name", "red": "this machine has green:status",
	} {
		l, err := OpenLED(m, name)
		if l != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "(-led)") {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if _, err := OpenLED(root(t, nil), "red"); err == nil || !strings.Contains(err.Error(), "this machine has none") {
		t.Errorf("no lights: %v", err)
	}
	var none *LED
	none.Up()
	none.Down()
	none.Attack(0)
	none.Close()
	if none.String() != "off" || none.Files() != nil {
		t.Error("no LED is something")
	}
}

func blinked(t *testing.T, l *LED, n uint64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		got := l.blinks
		l.mu.Unlock()
		if got == n {
			return
		}
		if got > n || time.Now().After(end) {
			t.Fatalf("%d blinks, want %d", got, n)
		}
	}
}

func TestLEDByTheKernel(t *testing.T) {
	m, is := light(t, "none [phy0tpt] timer oneshot", "delay_on", "delay_off", "invert", "shot")
	l, err := OpenLED(m, "green:status")
	if err != nil {
		t.Fatal(err)
	}
	flashes := map[string]string{"trigger": "timer", "delay_on": "100", "delay_off": "1900"}
	is(flashes)
	l.blink() // not while Core is away
	l.Up()
	is(map[string]string{"trigger": "oneshot", "delay_on": "60", "delay_off": "60", "invert": "1", "shot": "0"})
	second := int64(time.Second)
	l.Attack(10 * second)
	blinked(t, l, 1)
	is(map[string]string{"shot": "1"})
	for i := range int64(1000) { // a flood within a quarter of a second
		l.Attack(10*second + i)
	}
	l.Attack(11 * second)
	blinked(t, l, 2)
	l.Attack(2 * second) // an event with an older stamp, far off
	blinked(t, l, 3)
	l.Down()
	is(flashes)
	if s := l.String(); s != "green:status, flashing: Core is away, 3 blinks" {
		t.Error(s)
	}
	l.Up()
	l.Close()
	l.Close()
	l.Down()
	is(map[string]string{"trigger": "phy0tpt"})
}

func TestLEDByHand(t *testing.T) {
	m, is := light(t, "[none] default-on")
	l, err := OpenLED(m, "green:status")
	if err != nil {
		t.Fatal(err)
	}
	is(map[string]string{"trigger": "none", "brightness": "0"})
	l.Up()
	is(map[string]string{"trigger": "none", "brightness": "255"})
	l.Attack(1)
	blinked(t, l, 1)
	for end := time.Now().Add(20 * time.Second); l.read("brightness") != "255"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("stays dark")
		}
	}
	if len(l.Files()) != 2 {
		t.Error("a user would not get its files")
	}
	l.Down()
	is(map[string]string{"brightness": "0"})
	l.Close()
	is(map[string]string{"trigger": "none", "brightness": "255"})
}

// A user that may not write what oneshot brings lights the light by hand.
func TestLEDWithoutOneshotsFiles(t *testing.T) {
	m, is := light(t, "none [timer] oneshot", "delay_on", "delay_off")
	l, err := OpenLED(m, "green:status")
	if err != nil {
		t.Fatal(err)
	}
	l.Up()
	is(map[string]string{"trigger": "none", "brightness": "255"})
	l.Close()
	is(map[string]string{"trigger": "timer"})
}
