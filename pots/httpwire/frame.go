package httpwire

import "bytes"

// frame says how long the body is (RFC 9112 section 6.3), and what the
// connection does behind it (section 9.3). Whatever two readers could
// understand in two ways is refused.
func (r *Request) frame() error {
	var length, coding []byte
	hosts := 0
	for i := range r.n {
		name, value := r.Field(i)
		switch {
		case equalFold(name, "host"):
			if hosts++; hosts > 1 {
				return ErrHost
			}
		case equalFold(name, "content-length"):
			if length != nil && !bytes.Equal(length, value) {
				return ErrFraming
			}
			length = value
		case equalFold(name, "transfer-encoding"):
			if coding != nil {
				return ErrFraming
			}
			coding = value
		case equalFold(name, "connection"):
			r.connection(value)
		case equalFold(name, "expect"):
			r.Expect = r.Minor == 1 && equalFold(value, "100-continue")
		}
	}
	return r.bodyLength(length, coding)
}

func (r *Request) bodyLength(length, coding []byte) error {
	switch {
	case coding != nil && (length != nil || r.Minor == 0):
		return ErrFraming
	case coding != nil:
		if !equalFold(coding, "chunked") {
			return ErrCoding
		}
		r.Length = Chunked
	case length != nil:
		n, ok := decimal(length)
		if !ok {
			return ErrLength
		}
		r.Length = n
	}
	return nil
}

// maxDigits of a Content-Length keep it in an int64.
const maxDigits = 15

func decimal(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > maxDigits {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// connection reads the options of a Connection field.
func (r *Request) connection(value []byte) {
	for len(value) > 0 {
		var word []byte
		word, value, _ = bytes.Cut(value, []byte(","))
		word = bytes.Trim(word, " \t")
		switch {
		case equalFold(word, "close"):
			r.Close = true
			return
		case equalFold(word, "keep-alive"):
			r.Close = false
		}
	}
}
