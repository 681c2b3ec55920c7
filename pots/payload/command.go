package payload

import "bytes"

// words are the commands that fetch.
var words = [...]string{"wget", "curl", "tftp", "ftpget", "ftp", "fetch"}

// maxArgs is how many words of one command are looked at.
const maxArgs = 16

// command is one command that fetches.
type command struct {
	args [maxArgs][]byte
	n    int
}

// commands finds the commands in text and what they would fetch.
func (f *Finder) commands(text []byte) {
	for at := 0; at < len(text); at++ {
		c := text[at]
		if c != 'w' && c != 'c' && c != 't' && c != 'f' || at > 0 && wordy(text[at-1]) {
			continue
		}
		for _, w := range &words {
			end := at + len(w)
			if end < len(text) && (text[end] == ' ' || text[end] == '\t') && string(text[at:end]) == w {
				f.line.split(text[end:])
				f.command(w)
				at = end
				break
			}
		}
	}
}

// wordy tells characters that a command's name can't follow on.
func wordy(c byte) bool { return letter(c) || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' }

// split takes the words up to the end of the command.
func (l *command) split(text []byte) {
	l.n = 0
	for i := 0; i < len(text) && l.n < maxArgs; {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		start := i
		for i < len(text) && text[i] > ' ' && bytes.IndexByte([]byte(";|&()`<>\"'\\{}"), text[i]) < 0 {
			i++
		}
		if i > start {
			l.args[l.n] = text[start:i]
			l.n++
		}
		switch {
		case i == len(text):
			return
		case text[i] == '"' || text[i] == '\'':
			i++ // quotes around a word
		case text[i] != ' ' && text[i] != '\t':
			return
		}
	}
}

func (f *Finder) command(name string) {
	switch name {
	case "tftp":
		f.tftp()
	case "ftpget", "ftp":
		f.ftp()
	default:
		f.http()
	}
}

// http: wget and curl take addresses without a scheme. On some routers BusyBox
// is changed so that wget -g HOST -r FILE does what ftpget does.
func (f *Finder) http() {
	l := &f.line
	if host := l.after("-g"); isHost(host) {
		if file := l.after("-r"); len(file) > 0 {
			f.add([]byte("http://"), host, slash(file), file)
			return
		}
	}
	for i := range l.n {
		a := l.args[i]
		if a[0] == '-' || i > 0 && takesValue(l.args[i-1]) {
			continue
		}
		if bytes.Contains(a, []byte("://")) {
			f.urls(a)
			continue
		}
		if host, _, _ := bytes.Cut(a, []byte("/")); isHost(host) {
			f.add([]byte("http://"), a)
		}
	}
}

// takesValue tells the options of wget and curl behind which no address comes.
func takesValue(opt []byte) bool {
	switch string(opt) {
	case "-O", "-o", "-P", "-U", "-A", "-H", "-X", "-d", "-T", "-t", "-m", "-e", "--output", "--user-agent", "--header", "--data":
		return true
	}
	return false
}

// tftp: BusyBox's tftp -g -r FILE HOST [PORT], and tftp HOST -c get FILE.
func (f *Finder) tftp() {
	l := &f.line
	file := l.after("-r")
	if file == nil {
		file = l.after("get")
	}
	if file == nil {
		file = l.after("-l")
	}
	for i := range l.n {
		a := l.args[i]
		if a[0] == '-' || !isHost(a) || i > 0 && (string(l.args[i-1]) == "-l" || string(l.args[i-1]) == "-r" || string(l.args[i-1]) == "get") {
			continue
		}
		f.add([]byte("tftp://"), a, slash(file), file)
		return
	}
}

// ftp: BusyBox's ftpget [-u USER] [-p PASS] [-P PORT] HOST [LOCAL] REMOTE.
func (f *Finder) ftp() {
	var plain [3][]byte
	n := 0
	var port []byte
	l := &f.line
	for i := 0; i < l.n && n < 3; i++ {
		switch a := l.args[i]; {
		case string(a) == "-P" && i+1 < l.n:
			i++
			port = l.args[i]
		case string(a) == "-u" || string(a) == "-p":
			i++
		case a[0] != '-':
			plain[n] = a
			n++
		}
	}
	if n == 0 || !isHost(plain[0]) {
		return
	}
	file := plain[max(n-1, 1)]
	if port != nil {
		f.add([]byte("ftp://"), plain[0], []byte(":"), port, slash(file), file)
		return
	}
	f.add([]byte("ftp://"), plain[0], slash(file), file)
}

// after returns the word behind an option.
func (l *command) after(opt string) []byte {
	for i := range max(l.n-1, 0) {
		if string(l.args[i]) == opt {
			return l.args[i+1]
		}
	}
	return nil
}

func slash(file []byte) []byte {
	if len(file) == 0 || file[0] == '/' {
		return nil
	}
	return []byte("/")
}

// isHost tells whether b looks like an address or a name with a dot, and a
// port perhaps.
func isHost(b []byte) bool {
	dots := 0
	host, port, _ := bytes.Cut(b, []byte(":"))
	for i, c := range host {
		switch {
		case c == '.':
			if i == 0 || host[i-1] == '.' {
				return false
			}
			dots++
		case !letter(c) && (c < '0' || c > '9') && c != '-':
			return false
		}
	}
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
	}
	return dots > 0 && host[len(host)-1] != '.' && len(port) <= 5
}
