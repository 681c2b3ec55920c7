package shell

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Limits of events, what we chose.
const (
	maxSeen = 256 // addresses that a session remembers; further ones are told each time
	maxHead = 256 // bytes of a file in its event
	maxURL  = 2048
)

// Field is a member of an event's data: a text, or a number.
type Field struct {
	Key   string
	Bytes []byte
	Num   int64
	IsNum bool
}

func text(key, value string) Field         { return Field{Key: key, Bytes: []byte(value)} }
func number(key string, value int64) Field { return Field{Key: key, Num: value, IsNum: true} }

func (s *Shell) tell(kind string, fields ...Field) {
	if s.cfg.Event != nil {
		s.cfg.Event(kind, fields...)
	}
}

func (s *Shell) tellInput(line string) {
	s.tell("command.input", text("input", line))
}

// tellFailed tells of a command that the device does not have.
func (s *Shell) tellFailed(args []string) {
	s.tell("command.failed", text("input", clip(strings.Join(args, " "), maxURL)))
}

func clip(s string, most int) string { return s[:min(len(s), most)] }

// limit is what stopped a command.
type limit uint8

const (
	limitNone limit = iota
	limitLine
	limitSteps
	limitOutput
	limitExpand
	limitDepth
	limitPipe
	limitVars
	limitFiles
	limitMemory // the budget of all shells
)

var limitNames = [...]string{"", "line", "steps", "output", "expansion", "depth", "pipe", "variables", "files", "memory"}

// complaint is what the device would say.
func (l limit) complaint() string {
	switch l {
	case limitSteps:
		return "Terminated\n"
	case limitExpand, limitVars, limitPipe, limitMemory:
		return "sh: out of memory\n"
	case limitDepth:
		return "Segmentation fault\n"
	}
	return ""
}

func (s *Shell) tellLimit(l limit) {
	s.tell("command.limit", text("limit", limitNames[l]), text("input", clip(s.input, maxURL)))
}

// halt stops the line that runs.
func (s *Shell) halt(l limit) {
	if s.halted == limitNone {
		s.halted = l
	}
}

// stopped tells whether the line is over before its end.
func (s *Shell) stopped() bool { return s.halted != limitNone || s.flow == flowExit }

// step counts work: a command, a round of a loop, 256 bytes looked at.
func (s *Shell) step(n int) bool {
	if s.steps += n; s.steps > s.cfg.Limits.Steps {
		s.halt(limitSteps)
	}
	return !s.stopped()
}

// work counts bytes looked at; what is left of 256 counts the next time.
func (s *Shell) work(bytes int) bool {
	s.odd += bytes
	n := s.odd / 256
	s.odd %= 256
	return s.step(n)
}

// workOn counts a list of words, each with what its header takes.
func (s *Shell) workOn(words []string) bool {
	n := 16 * len(words)
	for _, w := range words {
		n += len(w)
	}
	return s.work(n)
}

// download is an attempt to fetch something.
type download struct {
	url  string
	tool string // the command; empty: the address only stood in a line
	file string // where it would have been stored
}

// tellDownload records an address, once for a tool and file.
func (s *Shell) tellDownload(d download) {
	d.url = clip(d.url, maxURL)
	s.fetched = s.fetched || d.tool != ""
	if d.url == "" || !s.first(d.url, d.tool, d.file) {
		return
	}
	s.first(d.url, "", "") // a line that holds it says nothing new
	fields := []Field{text("url", d.url), text("found", "text")}
	if d.tool != "" {
		fields[1] = text("found", "command")
		fields = append(fields, text("command", d.tool))
	}
	if d.file != "" {
		fields = append(fields, text("destfile", d.file))
	}
	s.tell("session.file_download", fields...)
}

// first tells whether something is new, and remembers it.
func (s *Shell) first(parts ...string) bool {
	h := uint64(14695981039346656037) // FNV-1a
	for _, p := range parts {
		for i := range len(p) {
			h = (h ^ uint64(p[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	if _, old := s.seen[h]; old {
		return false
	}
	if s.seen == nil {
		s.seen = make(map[uint64]struct{})
	}
	if len(s.seen) < maxSeen {
		s.seen[h] = struct{}{}
	}
	return true
}

// schemes of the addresses that lines are searched for.
var schemes = []string{"http", "https", "ftp", "tftp", "sftp", "scp", "rsync", "socks5"}

// tellAddresses records the addresses that stand in a text and that no command
// has recorded.
func (s *Shell) tellAddresses(line string) {
	for at := 0; ; {
		i := strings.Index(line[at:], "://")
		if i < 0 {
			break
		}
		start := at + i
		at = start + 3
		for start > 0 && isLetter(line[start-1]) || start > 0 && isDigit(line[start-1]) {
			start--
		}
		end := at
		for end < len(line) && isURLByte(line[end]) {
			end++
		}
		scheme := strings.ToLower(line[start : at-3])
		for _, known := range schemes {
			if strings.HasSuffix(scheme, known) && end > at {
				s.tellText(known + strings.TrimRight(line[at-3:end], ".,:&"))
				break
			}
		}
		at = max(end, at)
	}
	s.tellDevTCP(line)
}

// tellText records an address that stands in a text. One with a variable in it
// says less than what the commands have recorded, if they did.
func (s *Shell) tellText(url string) {
	host, variable, ok := strings.Cut(url, "$")
	if ok && (s.fetched || strings.Count(host, "/") < 3 || variable == "") {
		return
	}
	s.tellDownload(download{url: url})
}

// tellDevTCP records the addresses of bash's /dev/tcp/HOST/PORT.
func (s *Shell) tellDevTCP(line string) {
	for _, proto := range []string{"tcp", "udp"} {
		rest := line
		for {
			_, after, ok := strings.Cut(rest, "/dev/"+proto+"/")
			if !ok {
				break
			}
			rest = after
			if url := socketURL(proto, after); url != "" {
				s.tellDownload(download{url: url})
			}
		}
	}
}

// socketURL makes tcp://HOST:PORT of what stands behind /dev/tcp/.
func socketURL(proto, rest string) string {
	host, rest, ok := strings.Cut(rest, "/")
	end := 0
	for end < len(rest) && isDigit(rest[end]) {
		end++
	}
	if !ok || end == 0 || host == "" || len(host) > 255 || strings.ContainsAny(host, " \t\n\"'$`;&|") {
		return ""
	}
	return proto + "://" + host + ":" + rest[:end]
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// isURLByte tells which bytes end no address in a command line.
func isURLByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune("\"'`;|<>(){}\\^", rune(c))
}

// tellUpload records a file that the session wrote.
func (s *Shell) tellUpload(path string, e *entry, why string) {
	if !e.dirty {
		return
	}
	e.dirty = false
	sum := sha256.Sum256(e.data)
	s.tell("session.file_upload", text("filename", path), text("shasum", hex.EncodeToString(sum[:])),
		number("size", int64(len(e.data))), Field{Key: "head", Bytes: e.data[:min(len(e.data), maxHead)]}, text("cause", why))
}

// tellRun records that a file of the session's was run.
func (s *Shell) tellRun(path string, e *entry, args []string) {
	s.tellUpload(path, e, "run")
	fields := []Field{text("filename", path), text("input", clip(strings.Join(args, " "), maxURL))}
	if e.url != "" {
		fields = append(fields, text("url", e.url))
	} else {
		sum := sha256.Sum256(e.data)
		fields = append(fields, text("shasum", hex.EncodeToString(sum[:])), number("size", int64(len(e.data))))
	}
	s.tell("command.run", fields...)
}
