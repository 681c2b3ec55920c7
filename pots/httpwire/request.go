package httpwire

import "bytes"

// Request is a request's head. It points into the bytes that Parse was given.
type Request struct {
	Method, Target []byte
	Major, Minor   byte // 0.9, 1.0 or 1.1

	// Length is the length of the body in bytes; Chunked when that is not
	// known before, 0 when there is none.
	Length int64
	// Close: the client wants the connection closed behind the answer.
	Close bool
	// Expect: the client waits for a 100 before it sends the body.
	Expect bool

	lines  []byte // the fields as they came, without the empty line
	fields [MaxFields]field
	n      int
}

// Chunked is the Length of a chunked body.
const Chunked = -1

// field is where a field stands in lines, which has at most MaxHead bytes.
type field struct{ name, nameEnd, value, valueEnd uint16 }

// Parse reads a head, as Finder found it. Of a head that is refused, what was
// read before stands in r.
func (r *Request) Parse(head []byte) error {
	r.Reset()
	head = bytes.TrimLeft(head, "\r\n")
	i := bytes.IndexByte(head, '\n')
	if i < 0 || len(head) > MaxHead {
		return ErrLine
	}
	l, err := parseLine(trimEnd(head[:i+1]))
	r.Method, r.Target, r.Major, r.Minor = l.method, l.target, l.major, l.minor
	if err != nil {
		return err
	}
	r.Close = r.Minor != 1
	r.lines = head[i+1:]
	if err := r.parseFields(); err != nil {
		return err
	}
	return r.frame()
}

// Reset forgets the request.
func (r *Request) Reset() {
	r.Method, r.Target, r.lines = nil, nil, nil
	r.Major, r.Minor, r.Length, r.Close, r.Expect, r.n = 0, 0, 0, false, false, 0
}

// requestLine is a request line. It is small: the goroutines that look for one
// should keep small stacks.
type requestLine struct {
	method, target []byte
	major, minor   byte
}

// parseLine reads "METHOD target HTTP/1.x" (RFC 9112 section 3), or the
// "GET target" of HTTP/0.9. The target is everything in between, spaces too:
// devices take it that way, and what is injected into them holds spaces. With
// ErrVersion and a broken version the rest is good.
func parseLine(line []byte) (l requestLine, err error) {
	if len(line) > MaxLine {
		return l, ErrLineLong
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !isToken(method) || len(method) > maxMethod {
		return l, ErrLine
	}
	target := bytes.Trim(rest, " ")
	version := []byte(nil)
	if i := bytes.LastIndexByte(target, ' '); i >= 0 {
		version, target = target[i+1:], bytes.TrimRight(target[:i], " ")
	}
	if len(target) == 0 || bytes.IndexByte(target, 0) >= 0 {
		return l, ErrLine
	}
	l.method, l.target = method, target
	if version == nil {
		l.minor = 9
		if string(method) != "GET" || target[0] != '/' {
			return l, ErrLine
		}
		return l, nil
	}
	l.major, l.minor, err = parseVersion(version)
	return l, err
}

// maxMethod is the longest method in bytes that is one.
const maxMethod = 32

func parseVersion(v []byte) (major, minor byte, err error) {
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || v[6] != '.' || v[5]-'0' > 9 || v[7]-'0' > 9 {
		return 0, 0, ErrLine
	}
	if v[5] != '1' {
		return v[5] - '0', v[7] - '0', ErrVersion
	}
	return 1, min(v[7]-'0', 1), nil
}

// parseFields reads the field lines (RFC 9112 section 5).
func (r *Request) parseFields() error {
	for at := 0; at < len(r.lines); {
		i := bytes.IndexByte(r.lines[at:], '\n')
		if i < 0 {
			return ErrField
		}
		line := trimEnd(r.lines[at : at+i+1])
		if len(line) == 0 {
			r.lines = r.lines[:at]
			return nil
		}
		if err := r.parseField(line, at); err != nil {
			return err
		}
		at += i + 1
	}
	return nil
}

func (r *Request) parseField(line []byte, at int) error {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFold
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 || !isToken(line[:colon]) || bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0 {
		return ErrField
	}
	if r.n == MaxFields {
		return ErrFields
	}
	from, to := colon+1, len(line)
	for from < to && blank(line[from]) {
		from++
	}
	for to > from && blank(line[to-1]) {
		to--
	}
	r.fields[r.n] = field{uint16(at), uint16(at + colon), uint16(at + from), uint16(at + to)}
	r.n++
	return nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// Fields is how many fields there are.
func (r *Request) Fields() int { return r.n }

// Field returns the name and the value of field i, as they came.
func (r *Request) Field(i int) (name, value []byte) {
	f := r.fields[i]
	return r.lines[f.name:f.nameEnd], r.lines[f.value:f.valueEnd]
}

// Lines are all fields as they came, line ends included.
func (r *Request) Lines() []byte { return r.lines }

// Get returns the value of the first field of that name, which must be given
// in lower case; nil when there is none.
func (r *Request) Get(name string) []byte {
	for i := range r.n {
		if n, v := r.Field(i); equalFold(n, name) {
			return v
		}
	}
	return nil
}

// equalFold compares with a text in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
