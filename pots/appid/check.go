package appid

import (
	"bytes"
	"strings"
)

// length is a check of the whole length.
func length(n int) func([]byte) bool { return func(b []byte) bool { return len(b) == n } }

// exact checks that the number of size bytes at an offset is the whole length
// without extra bytes, and whatever else is to hold.
func exact(at, size, extra int, also ...func([]byte) bool) func([]byte) bool {
	return func(b []byte) bool {
		n := u16(b, at)
		if size == 4 {
			n = int(u32(b, at) & 0x7fffffff)
		}
		for _, check := range also {
			if !check(b) {
				return false
			}
		}
		return len(b) >= at+size && n == len(b)-extra
	}
}

// anywhere checks that the text stands somewhere.
func anywhere(text string) func([]byte) bool {
	return func(b []byte) bool { return bytes.Contains(b, []byte(text)) }
}

// wordInLine checks that the first line holds the text.
func wordInLine(text string) func([]byte) bool {
	return func(b []byte) bool {
		l := line(b)
		return len(l) > len(text) && l[0] > ' ' && l[0] < 0x7f && bytes.Contains(l, []byte(text))
	}
}

// firstWord checks that the first word is one of words, which are in lower
// case, and alone or followed by a space.
func firstWord(words ...string) func([]byte) bool {
	return func(b []byte) bool {
		l := line(b)
		if len(l) == len(b) && len(b) > 4 && bytes.IndexByte(l, ' ') < 0 {
			return false // the word may go on
		}
		word, _, _ := bytes.Cut(l, []byte(" "))
		for _, w := range words {
			if len(word) == len(w) && strings.EqualFold(string(word), w) {
				return true
			}
		}
		return false
	}
}

// tlsRecord is a handshake record (RFC 8446 section 5.1) that begins with a
// ClientHello.
func tlsRecord(b []byte) bool {
	return len(b) >= 3 && b[2] <= 4 && (len(b) < 6 || b[5] == 1)
}

// sslv2Hello is the CLIENT-HELLO of SSL 2.0, or of a later version in its form
// (RFC 5246 appendix E.2).
func sslv2Hello(b []byte) bool {
	return b[0]&0x80 != 0 && len(b) >= 5 && (has(b, 3, "\x00\x02") || b[3] == 3 && b[4] <= 3) && u16(b, 0)&0x7fff >= 9
}

var httpMethods = []string{
	"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ",
	"PROPFIND ", "PROPPATCH ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "SEARCH ", "DEBUG ", "TRACK ",
}

// httpRequest is a method and a target (RFC 9112 section 3), with or without a
// version.
func httpRequest(b []byte) bool {
	for _, m := range httpMethods {
		if len(b) > len(m) && string(b[:len(m)]) == m && b[len(m)] > ' ' {
			return true
		}
	}
	return false
}

// tpkt is a packet of RFC 1006 section 6 with an X.224 connection request.
func tpkt(b []byte) bool { return len(b) >= 7 && u16(b, 2) >= 7 && b[5]&0xf0 == 0xe0 }

// rdpRequest has a cookie, the request for negotiation, or nothing behind the
// seven fixed bytes (MS-RDPBCGR section 2.2.1.1).
func rdpRequest(b []byte) bool {
	if !tpkt(b) {
		return false
	}
	return u16(b, 2) == 11 || has(b, 11, "Cookie:") || has(b, 11, "\x01\x00\x08\x00") || len(b) >= 15 && b[11] == 1 && has(b, 13, "\x08\x00")
}

// s7Request names its TSAPs (ISO 8073 section 13.3.4), as RDP never does.
func s7Request(b []byte) bool {
	return tpkt(b) && len(b) >= 14 && (b[11] == 0xc0 || b[11] == 0xc1 || b[11] == 0xc2)
}

// telnetOption is IAC and a request or an offer (RFC 854).
func telnetOption(b []byte) bool { return len(b) >= 3 && b[1] >= 0xfa && b[1] <= 0xfe }

// respArray is a command of the Redis protocol: *2\r\n$4\r\n…
func respArray(b []byte) bool {
	l := line(b[1:])
	for _, c := range l {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(l) > 0 && len(l) < 8
}

// stratum is a miner's JSON.
func stratum(b []byte) bool {
	return bytes.Contains(b, []byte(`"mining.`)) || bytes.Contains(b, []byte(`"eth_submitLogin"`)) ||
		bytes.Contains(b, []byte(`"method"`)) && bytes.Contains(b, []byte(`"login"`)) && bytes.Contains(b, []byte(`"pass"`))
}

func jsonLike(b []byte) bool { return printable(b) && bytes.IndexByte(b, '"') > 0 }

// mqttConnect is CONNECT of MQTT 3.1 or later: a length of 1 to 4 bytes, then
// the protocol's name.
func mqttConnect(b []byte) bool {
	for at := 2; at <= 5; at++ {
		if has(b, at, "\x00\x04MQTT") || has(b, at, "\x00\x06MQIsdp") {
			return true
		}
	}
	return false
}

// socks5 is a list of methods (RFC 1928 section 3).
func socks5(b []byte) bool { return len(b) >= 3 && b[1] > 0 && len(b) == 2+int(b[1]) }

// socks4 is CONNECT or BIND, a port, an address, and a user that ends with a
// zero byte.
func socks4(b []byte) bool {
	return len(b) >= 9 && (b[1] == 1 || b[1] == 2) && u16(b, 2) > 0 && bytes.IndexByte(b[8:], 0) >= 0
}

// postgresStart is a start-up message of version 3, or a request for TLS, GSS
// or a cancellation.
func postgresStart(b []byte) bool {
	n := int(u32(b, 0))
	return n >= 8 && n <= 10000 && (has(b, 4, "\x00\x03\x00\x00") && len(b) > 8 && b[8] >= 'a' || has(b, 4, "\x04\xd2\x16") && n <= 16)
}

// mysqlLogin is HandshakeResponse41: 23 zero bytes behind the character set.
func mysqlLogin(b []byte) bool {
	return len(b) >= 36 && int(b[0])|int(b[1])<<8 == len(b)-4 && bytes.Count(b[13:36], []byte{0}) == 23
}

// mongo is a message whose length and operation (OP_QUERY, OP_MSG,
// OP_COMPRESSED) are in little endian.
func mongo(b []byte) bool {
	if !has(b, 12, "\xd4\x07\x00\x00") && !has(b, 12, "\xdd\x07\x00\x00") && !has(b, 12, "\xdc\x07\x00\x00") {
		return false
	}
	return int(b[0])|int(b[1])<<8 >= 16
}

// ldap is a message with an id and a bind or a search request (RFC 4511
// section 4).
func ldap(b []byte) bool {
	b, ok := berContent(b, 0x30)
	if !ok || len(b) < 4 || b[0] != 2 || b[1] == 0 || b[1] > 4 || len(b) < int(b[1])+3 {
		return false
	}
	op := b[2+b[1]]
	return op == 0x60 || op == 0x63
}

// berContent returns what is in an element with the tag; its length may be
// more than there is.
func berContent(b []byte, tag byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, false
	}
	n := b[1]
	switch {
	case n < 0x80:
		return b[2:], true
	case n > 0x84 || n == 0x80 || len(b) < 2+int(n&0x7f):
		return nil, false
	}
	return b[2+int(n&0x7f):], true
}

// kerberos is an AS-REQ or TGS-REQ behind its length (RFC 4120 section 7.2.2).
func kerberos(b []byte) bool {
	return len(b) > 5 && (b[4] == 0x6a || b[4] == 0x6c) && int(u32(b, 0)) >= len(b)-4
}

// rpcRecord is a call of ONC RPC version 2 in one last fragment (RFC 5531
// sections 9 and 11).
func rpcRecord(b []byte) bool { return b[0] == 0x80 }

// kafka is a request whose length fits, with a known key and a short version.
func kafka(b []byte) bool {
	return len(b) >= 14 && int(u32(b, 0)) == len(b)-4 && u16(b, 4) < 100 && u16(b, 6) < 20 && u16(b, 12) <= len(b)-14
}

// modbus has protocol 0, a length that fits and a function below 0x2c (Modbus
// over TCP, section 3.1.3).
func modbus(b []byte) bool {
	return len(b) >= 8 && u16(b, 4) == len(b)-6 && b[7] > 0 && b[7] <= 0x2b
}

func dicom(b []byte) bool { return has(b, 6, "\x00\x01\x00\x00") }

// minecraft is a handshake: length, packet 0, version, host, port, state.
func minecraft(b []byte) bool {
	if len(b) < 10 || int(b[0]) > len(b) {
		return false
	}
	for at := 3; at <= 7 && at < len(b); at++ {
		if b[at-1] < 0x80 {
			return int(b[at])+at+4 <= len(b) && int(b[at]) >= 3 && printable(b[at+1:at+1+int(b[at])])
		}
	}
	return false
}

// sourceRcon is a length in little endian, and type 3 (login) or 2 (command).
func sourceRcon(b []byte) bool {
	return len(b) >= 14 && b[0] >= 10 && has(b, 1, "\x00\x00\x00") &&
		(has(b, 8, "\x03\x00\x00\x00") || has(b, 8, "\x02\x00\x00\x00"))
}

func lpd(b []byte) bool { return len(b) >= 3 && b[len(b)-1] == '\n' && printable(b[1:]) }

// shellLine is a command for a shell that somebody left open: it fetches
// something.
func shellLine(b []byte) bool {
	return printable(b) && (bytes.Contains(b, []byte("wget ")) || bytes.Contains(b, []byte("curl ")) ||
		bytes.Contains(b, []byte("tftp ")) || bytes.Contains(b, []byte("/bin/busybox")))
}

// dnsQuestion is a query or an update with at least one name that holds
// together (RFC 1035 section 4.1).
func dnsQuestion(at int) func([]byte) bool {
	return func(b []byte) bool {
		if len(b) < at+17 {
			return false
		}
		b = b[at:]
		if b[2]&0x80 != 0 || b[3]&0x0f != 0 || u16(b, 4) != 1 || u16(b, 6) != 0 || u16(b, 10) > 4 {
			return false
		}
		end := dnsNameEnd(b)
		return end > 0 && len(b) >= end+4
	}
}

// dnsNameEnd is where the first name ends; 0: nowhere.
func dnsNameEnd(b []byte) int {
	at := 12
	for at < len(b) {
		n := int(b[at])
		at += 1 + n
		if n == 0 {
			return at
		}
		if n > 63 || at-12 > 255 {
			return 0
		}
	}
	return 0
}

// ntp is a client's packet, or one of the control messages that used to
// amplify (RFC 5905 section 7.3, RFC 9327, mode 7).
func ntp(b []byte) bool {
	mode, version := b[0]&7, b[0]>>3&7
	switch mode {
	case 1, 3:
		return (len(b) == 48 || len(b) == 68) && version >= 1 && version <= 4
	case 6:
		return len(b) == 12 && version >= 1 && version <= 4
	case 7:
		return len(b) >= 8 && version >= 2 && (b[3] == 0x2a || b[3] == 0x14 || b[3] == 0)
	}
	return false
}

// snmp is a version and a community (RFC 1157 section 4), or version 3 (RFC
// 3412 section 6).
func snmp(b []byte) bool {
	b, ok := berContent(b, 0x30)
	if !ok || len(b) < 4 || b[0] != 2 || b[1] != 1 {
		return false
	}
	return b[2] <= 1 && b[3] == 4 || b[2] == 3 && b[3] == 0x30
}

// tftp is a request to read or write with one of the two modes (RFC 1350
// section 5).
func tftp(b []byte) bool {
	if len(b) < 6 || b[1] != 1 && b[1] != 2 {
		return false
	}
	name, mode, ok := bytes.Cut(b[2:], []byte{0})
	mode, _, end := bytes.Cut(mode, []byte{0})
	return ok && end && len(name) > 0 && (strings.EqualFold(string(mode), "octet") || strings.EqualFold(string(mode), "netascii"))
}

// quic has a long header, the fixed bit and connection ids that fit (RFC 9000
// section 17.2); a first packet has at least 1200 bytes (section 14.1), but
// those who look for servers send less.
func quic(b []byte) bool {
	if len(b) < 9 || b[0]&0xc0 != 0xc0 || u32(b, 1) == 0 {
		return false
	}
	dst := int(b[5])
	return dst <= 20 && dst >= 4 && len(b) > 6+dst && int(b[6+dst]) <= 20 && len(b) >= 7+dst+int(b[6+dst])
}

// isakmp is the first message of IKE version 1 or 2: no responder's cookie yet
// (RFC 2408 section 3.1, RFC 7296 section 3.1).
func isakmp(b []byte) bool {
	return len(b) >= 28 && has(b, 8, "\x00\x00\x00\x00\x00\x00\x00\x00") && (b[17] == 0x10 || b[17] == 0x20) &&
		(b[18] == 2 || b[18] == 4 || b[18] == 34) && int(u32(b, 24)) >= 28
}

// radius is an Access-Request or Status-Server whose length fits (RFC 2865
// section 3).
func radius(b []byte) bool {
	return len(b) >= 20 && (b[0] == 1 || b[0] == 12) && u16(b, 2) == len(b)
}

// rip is a request of version 1 or 2 (RFC 2453 section 3.1).
func rip(b []byte) bool {
	return b[0] == 1 && (b[1] == 1 || b[1] == 2) && len(b) >= 24 && (len(b)-4)%20 == 0
}

// coap is a request of version 1 (RFC 7252 section 3) that has an option, or
// nothing, behind its token.
func coap(b []byte) bool {
	if len(b) < 4 || b[0]>>6 != 1 || b[0]&15 > 8 || b[1] == 0 || b[1] > 4 || len(b) < 4+int(b[0]&15) {
		return false
	}
	rest := b[4+int(b[0]&15):]
	return len(rest) == 0 || rest[0]>>4 != 15 && rest[0]&15 != 15
}

func printableFrom(at int) func([]byte) bool {
	return func(b []byte) bool { return len(b) > at && printable(b[at:]) }
}
