package tty

// escape is how far a key that sends several bytes has come (ECMA-48: ESC [,
// parameters, a final byte; ESC O and one byte for a keypad).
type escape uint8

const (
	plain escape = iota
	escaped
	inCSI
	inSS3
)

// key takes one byte. done says that the line is over.
func (t *Terminal) key(c byte, sh Shell) (end ending, done bool) {
	wasCR := t.wasCR
	t.wasCR = false
	if c == '\n' && wasCR {
		return ended, false
	}
	if !t.echo {
		return t.plainKey(c)
	}
	if t.escape != plain {
		t.escapeKey(c)
		return ended, false
	}
	switch c {
	case '\r', '\n':
		t.wasCR = c == '\r'
		t.say("\r\n")
		return ended, true
	case keyInterrupt, keyQuit:
		t.say("^C\r\n")
		t.line = t.line[:0]
		return interrupted, true
	case keyEOF:
		return endOfFile, len(t.line) == 0
	default:
		t.edit(c, sh)
	}
	return ended, false
}

// plainKey takes a byte of a client without a terminal: nothing is a key but
// the end of a line.
func (t *Terminal) plainKey(c byte) (ending, bool) {
	if c == '\n' {
		if n := len(t.line); n > 0 && t.line[n-1] == '\r' {
			t.line = t.line[:n-1]
		}
		return ended, true
	}
	t.letter(c)
	return ended, false
}

// edit takes a key that changes the line, or a letter of it.
func (t *Terminal) edit(c byte, sh Shell) {
	switch c {
	case keyBackspace, keyDelete:
		t.erase()
	case keyKill:
		t.eraseAll()
	case keyWord:
		t.eraseWord()
	case keyClear:
		if sh != nil {
			t.say("\x1b[H\x1b[J" + sh.Prompt())
			_, _ = t.Write(t.line)
		}
	case keyEscape:
		t.escape = escaped
	case keyTab: // nothing to complete, or too much
	default:
		if c >= ' ' {
			t.letter(c)
		}
	}
}

func (t *Terminal) eraseWord() {
	for len(t.line) > 0 && t.line[len(t.line)-1] == ' ' {
		t.erase()
	}
	for len(t.line) > 0 && t.line[len(t.line)-1] != ' ' {
		t.erase()
	}
}

// escapeKey takes a byte of an arrow key and the like. Up and down bring old
// lines; the others do nothing.
func (t *Terminal) escapeKey(c byte) {
	switch {
	case t.escape == escaped && c == '[':
		t.escape = inCSI
	case t.escape == escaped && c == 'O':
		t.escape = inSS3
	case t.escape == inCSI && (c < '@' || c > '~'): // a parameter
	default:
		if t.escape != escaped {
			t.arrow(c)
		}
		t.escape = plain
	}
}

func (t *Terminal) arrow(c byte) {
	pick := t.pick
	switch {
	case c == 'A' && pick < len(t.past):
		pick++
	case c == 'B' && pick > 0:
		pick--
	default:
		return
	}
	t.pick = pick
	t.eraseAll()
	if pick > 0 {
		for _, c := range []byte(t.past[len(t.past)-pick]) {
			t.letter(c)
		}
	}
}
