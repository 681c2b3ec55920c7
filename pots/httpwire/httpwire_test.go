package httpwire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// find gives the finder b in pieces of n bytes.
func find(b []byte, n int) (f Finder, end int, err error) {
	for at := 0; at <= len(b) && end == 0 && err == nil; at += n {
		end, err = f.Find(b[:min(at+n, len(b))])
	}
	return f, end, err
}

func TestHeadsThatAreRefused(t *testing.T) {
	const line = "POST / HTTP/1.1\r\n"
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, head string
		want       error
	}{
		{"one word", "HELP\r\n\r\n", ErrLine},
		{"another protocol", "SSH-2.0-Go\r\n", ErrLine},
		{"binary", "\x03\x00\x00\x16\x11\xe0", ErrLine},
		{"no method", " / HTTP/1.1\r\n\r\n", ErrLine},
		{"a method with a colon", "GE:T / HTTP/1.1\r\n\r\n", ErrLine},
		{"a method of 33 bytes", long(33) + " / HTTP/1.1\r\n\r\n", ErrLine},
		{"no target", "GET HTTP/1.1\r\n\r\n", ErrLine},
		{"NUL in the target", "GET /a\x00b HTTP/1.1\r\n\r\n", ErrLine},
		{"HTTP/0.9 with POST", "POST /\r\n", ErrLine},
		{"no version", "GET / FTP/1.1\r\n\r\n", ErrLine},
		{"RTSP", "OPTIONS / RTSP/1.0\r\n\r\n", ErrLine},
		{"version in lower case", "GET / http/1.1\r\n\r\n", ErrLine},
		{"version of two digits", "GET / HTTP/1.10\r\n\r\n", ErrLine},
		{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrVersion},
		{"five empty lines", "\r\n\r\n\r\n\r\n\r\n", ErrLine},
		{"line too long", "GET /" + long(MaxLine) + " HTTP/1.1\r\n\r\n", ErrLineLong},
		{"line without end", "GET /" + long(MaxLine), ErrLineLong},
		{"head too long", line + strings.Repeat("A: "+long(1000)+"\r\n", 17) + "\r\n", ErrHeadLong},
		{"field without end", line + "A: " + long(MaxHead), ErrHeadLong},
		{"65 fields", line + strings.Repeat("A: b\r\n", 65) + "\r\n", ErrFields},
		{"no colon", line + "Host\r\n\r\n", ErrField},
		{"no name", line + ": x\r\n\r\n", ErrField},
		{"a space before the colon", line + "Host : x\r\n\r\n", ErrField},
		{"a bare CR", line + "A: b\rC: d\r\n\r\n", ErrField},
		{"a NUL", line + "A: \x00\r\n\r\n", ErrField},
		{"a folded field", line + "A: b\r\n c\r\n\r\n", ErrFold},
		{"a folded first field", line + " A: b\r\n\r\n", ErrFold},
		{"two hosts", line + "Host: a\r\nhost: a\r\n\r\n", ErrHost},
		{"two lengths", line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", ErrFraming},
		{"a list of lengths", line + "Content-Length: 1, 1\r\n\r\n", ErrLength},
		{"a length with a sign", line + "Content-Length: +1\r\n\r\n", ErrLength},
		{"a negative length", line + "Content-Length: -1\r\n\r\n", ErrLength},
		{"a hexadecimal length", line + "Content-Length: 0x1\r\n\r\n", ErrLength},
		{"an empty length", line + "Content-Length:\r\n\r\n", ErrLength},
		{"a length over 64 bits", line + "Content-Length: 99999999999999999999\r\n\r\n", ErrLength},
		{"length and coding", line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", ErrFraming},
		{"coding and length", line + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", ErrFraming},
		{"coding and the length 0", line + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", ErrFraming},
		{"two codings", line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrFraming},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrFraming},
		{"another coding", line + "Transfer-Encoding: gzip, chunked\r\n\r\n", ErrCoding},
		{"xchunked", line + "Transfer-Encoding: xchunked\r\n\r\n", ErrCoding},
		{"chunked with a vertical tab", line + "Transfer-Encoding: \vchunked\r\n\r\n", ErrCoding},
		{"an empty coding", line + "Transfer-Encoding:\r\n\r\n", ErrCoding},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			_, end, err := find([]byte(c.head), step)
			var r Request
			if err == nil && end > 0 {
				err = r.Parse([]byte(c.head[:end]))
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s, in steps of %d: %v, want %v", c.name, step, err, c.want)
			}
		}
	}
}

func TestHeads(t *testing.T) {
	for _, c := range []struct{ name, head, want string }{
		{"HTTP/0.9", "GET /x\r\n", "GET|/x|0.9|0|close"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET|/|1.0|0|close"},
		{"HTTP/1.0 kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET|/|1.0|0|keep"},
		{"HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/|1.1|0|keep"},
		{"HTTP/1.7 is 1.1", "GET / HTTP/1.7\r\n\r\n", "GET|/|1.1|0|keep"},
		{"closed", "GET / HTTP/1.1\r\nConnection: TE, close\r\n\r\n", "GET|/|1.1|0|close"},
		{"an unknown method", "FOO-bar * HTTP/1.1\r\n\r\n", "FOO-bar|*|1.1|0|keep"},
		{"bare LF", "POST / HTTP/1.1\nContent-Length: 3\n\nabc", "POST|/|1.1|3|keep"},
		{"spaces in the target", "GET /shell?cd /tmp; wget x HTTP/1.1\r\n\r\n", "GET|/shell?cd /tmp; wget x|1.1|0|keep"},
		{"spaces around", "GET   /   HTTP/1.1\r\n\r\n", "GET|/|1.1|0|keep"},
		{"other bytes in the target", "GET /\xff\x01 HTTP/1.1\r\n\r\n", "GET|/\xff\x01|1.1|0|keep"},
		{"empty lines before", "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", "GET|/|1.1|0|keep"},
		{"absolute form", "GET http://a/b HTTP/1.1\r\n\r\n", "GET|http://a/b|1.1|0|keep"},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\n\r\n", "CONNECT|a:443|1.1|0|keep"},
		{"the same length twice", "PUT / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n", "PUT|/|1.1|5|keep"},
		{"chunked", "POST / HTTP/1.1\r\ntransfer-encoding: \t Chunked \r\n\r\n", "POST|/|1.1|-1|keep"},
		{"100", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "POST|/|1.1|1|keep|expect"},
		{"64 fields", "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 64) + "\r\n", "GET|/|1.1|0|keep"},
		{"the longest line", "GET /" + strings.Repeat("a", MaxLine-14) + " HTTP/1.1\r\n\r\n", "*"},
	} {
		for _, step := range []int{1, 5, 1 << 20} {
			_, end, err := find([]byte(c.head), step)
			if err != nil || end == 0 {
				t.Errorf("%s: end %d, %v", c.name, end, err)
				break
			}
			var r Request
			if err := r.Parse([]byte(c.head[:end])); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if got := describe(&r); got != c.want && c.want != "*" {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
	}
}

func describe(r *Request) string {
	s := fmt.Sprintf("%s|%s|%d.%d|%d|", r.Method, r.Target, r.Major, r.Minor, r.Length)
	s += map[bool]string{true: "close", false: "keep"}[r.Close]
	if r.Expect {
		s += "|expect"
	}
	return s
}

func TestFields(t *testing.T) {
	var r Request
	if err := r.Parse([]byte("GET / HTTP/1.1\r\nHost:\t a b \r\nX-Empty:\r\nx-empty: second\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"host": "a b", "x-empty": "", "cookie": ""} {
		if got := r.Get(name); string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.Get("cookie") != nil || r.Get("x-empty") == nil || r.Fields() != 3 {
		t.Errorf("%d fields", r.Fields())
	}
	if got := string(r.Lines()); got != "Host:\t a b \r\nX-Empty:\r\nx-empty: second\r\n" {
		t.Errorf("lines %q", got)
	}
}

// read reads a body from b in pieces of n bytes.
func read(length int64, b []byte, n int) (data []byte, used int, done bool, err error) {
	var body Body
	body.Start(length)
	for at := 0; at < len(b) && !body.Done(); {
		piece := b[at:min(at+n, len(b))]
		for len(piece) > 0 && !body.Done() {
			d, k, err := body.Next(piece)
			data, used, piece = append(data, d...), used+k, piece[k:]
			if err != nil {
				return data, used, false, err
			}
		}
		at = min(at+n, len(b))
	}
	return data, used, body.Done(), nil
}

func TestBodies(t *testing.T) {
	const rest = "GET / HTTP/1.1\r\n"
	for _, c := range []struct {
		name   string
		length int64
		wire   string
		want   string
		err    error
		more   bool
	}{
		{"no size", Chunked, "\r\n", "", ErrChunk, false},
		{"no digit", Chunked, "x\r\n", "", ErrChunk, false},
		{"a sign", Chunked, "-1\r\n", "", ErrChunk, false},
		{"a space before the size", Chunked, " 1\r\n", "", ErrChunk, false},
		{"0x", Chunked, "0x1\r\n", "", ErrChunk, false},
		{"nine digits", Chunked, "000000001\r\na\r\n", "", ErrChunk, false},
		{"bare LF behind the size", Chunked, "1\na\r\n", "", ErrChunk, false},
		{"bare CR behind the size", Chunked, "1\ra\r\n", "", ErrChunk, false},
		{"bare LF behind the data", Chunked, "1\r\na\n", "a", ErrChunk, false},
		{"more data than its size", Chunked, "1\r\nab\r\n", "a", ErrChunk, false},
		{"an endless extension", Chunked, "1;" + strings.Repeat("x", 300), "", ErrChunk, false},
		{"an endless trailer", Chunked, "0\r\n" + strings.Repeat("a: b\r\n", 1000), "", ErrChunk, false},
		{"bare LF in the trailer", Chunked, "0\r\na: b\n\r\n", "", ErrChunk, false},
		{"unfinished", Chunked, "5\r\nab", "ab", nil, true},
		{"no last chunk", Chunked, "2\r\nab\r\n", "ab", nil, true},
		{"no end of the trailer", Chunked, "0\r\n", "", nil, true},
		{"plain, unfinished", 3, "ab", "ab", nil, true},
		{"plain, empty", 0, "", "", nil, false},
		{"plain", 3, "abc", "abc", nil, false},
		{"chunked", Chunked, "2\r\nab\r\n0a\r\n0123456789\r\n0\r\n\r\n", "ab0123456789", nil, false},
		{"chunked, empty", Chunked, "0\r\n\r\n", "", nil, false},
		{"extension", Chunked, "1 ; a=\"b\"\r\nx\r\n00;last\r\n\r\n", "x", nil, false},
		{"trailer", Chunked, "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "x", nil, false},
	} {
		for _, step := range []int{1, 3, 1 << 20} {
			wire := c.wire
			if c.err == nil && !c.more {
				wire += rest
			}
			data, used, done, err := read(c.length, []byte(wire), step)
			if !errors.Is(err, c.err) || string(data) != c.want || done == (c.more || c.err != nil) {
				t.Errorf("%s: %q, done %v, %v", c.name, data, done, err)
			}
			if done && used != len(c.wire) {
				t.Errorf("%s: used %d of %d", c.name, used, len(c.wire))
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	wire := []byte("POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
	var r Request
	if n := testing.AllocsPerRun(100, func() {
		var f Finder
		end, _ := f.Find(wire)
		_ = r.Parse(wire[:end])
		var b Body
		b.Start(r.Length)
		_, _, _ = b.Next(wire[end:])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRequest(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a b HTTP/1.0\nContent-Length: 2\n\nab", "GET /\r\n", "\r\n\r\nX"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if step < 1 {
			return
		}
		_, end, err := find(b, min(step, len(b)+1))
		_, whole, e := find(b, len(b)+1)
		if (err == nil) != (e == nil) || err == nil && end != whole {
			t.Fatalf("in steps: %d %v; at once: %d %v", end, err, whole, e)
		}
		if err != nil || end == 0 {
			return
		}
		var r Request
		if r.Parse(b[:end]) != nil {
			return
		}
		if len(r.Method) == 0 || len(r.Target) == 0 || r.Length < Chunked || r.Major > 1 {
			t.Errorf("%+v", r)
		}
		for i := range r.Fields() {
			if name, value := r.Field(i); !isToken(name) || bytes.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%q: %q", name, value)
			}
		}
	})
}

func FuzzChunked(f *testing.F) {
	f.Add([]byte("2\r\nab\r\n0\r\n\r\n"), 1)
	f.Add([]byte("1;x=y\r\na\r\n0\r\nA: b\r\n\r\n"), 3)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if step < 1 {
			return
		}
		data, used, done, err := read(Chunked, b, min(step, len(b)+1))
		whole, all, end, e := read(Chunked, b, len(b)+1)
		if !bytes.Equal(data, whole) || used != all || done != end || err != e {
			t.Errorf("in steps: %q %d %v %v; at once: %q %d %v %v", data, used, done, err, whole, all, end, e)
		}
	})
}
