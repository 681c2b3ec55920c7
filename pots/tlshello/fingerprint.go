package tlshello

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// grease tells the numbers that clients throw in so that servers learn to
// ignore what they do not know (RFC 8701). Fingerprints leave them out.
func grease(n uint16) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff }

// JA3 is the MD5 of JA3Text in hexadecimal.
func (h *Hello) JA3() string {
	sum := md5.Sum(h.AppendJA3Text(nil))
	return hex.EncodeToString(sum[:])
}

// AppendJA3Text appends what JA3 hashes: version, ciphers, extensions, groups
// and point formats as decimal numbers in the client's order (JA3 as published
// by Salesforce, 2017).
func (h *Hello) AppendJA3Text(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(h.Version), 10)
	for _, list := range [...][]uint16{h.Ciphers, h.Extensions, h.Groups} {
		dst = append(dst, ',')
		dst = appendDecimals(dst, list)
	}
	dst = append(dst, ',')
	for i, p := range h.Points {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = strconv.AppendUint(dst, uint64(p), 10)
	}
	return dst
}

func appendDecimals(dst []byte, list []uint16) []byte {
	first := true
	for _, n := range list {
		if grease(n) {
			continue
		}
		if !first {
			dst = append(dst, '-')
		}
		first = false
		dst = strconv.AppendUint(dst, uint64(n), 10)
	}
	return dst
}

// JA4 is the fingerprint of FoxIO's JA4 for TLS over TCP: 36 characters that
// do not depend on the order of ciphers and extensions.
func (h *Hello) JA4() string {
	ciphers := sorted(h.Ciphers)
	all := sorted(h.Extensions)
	b := append(make([]byte, 0, 36), 't')
	b = append(b, versionName(h.highest())...)
	b = append(b, "id"[btoi(h.HasSNI)])
	b = appendCount(b, len(ciphers))
	b = appendCount(b, len(all))
	b = append(b, h.alpnMark()...)
	b = append(b, '_')
	b = appendShort(b, len(ciphers), appendHexes(nil, ciphers))
	hashed := slices.DeleteFunc(all, func(n uint16) bool { return n == extServerName || n == extALPN })
	text := appendHexes(nil, hashed)
	if len(h.Signatures) > 0 {
		text = appendHexes(append(text, '_'), h.Signatures)
	}
	return string(appendShort(append(b, '_'), len(hashed), text))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sorted returns a sorted copy without GREASE.
func sorted(list []uint16) []uint16 {
	out := slices.DeleteFunc(slices.Clone(list), grease)
	slices.Sort(out)
	return out
}

// highest is the highest version that the client offers.
func (h *Hello) highest() uint16 {
	best := uint16(0)
	for _, v := range h.Versions {
		if !grease(v) {
			best = max(best, v)
		}
	}
	if best == 0 {
		return h.Version
	}
	return best
}

func versionName(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002:
		return "s2"
	}
	return "00"
}

func appendCount(dst []byte, n int) []byte {
	n = min(n, 99)
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// alpnMark is the first and the last character of the first protocol name, or
// of its hexadecimal form when one of them is neither letter nor digit.
func (h *Hello) alpnMark() string {
	if len(h.ALPN) == 0 || len(h.ALPN[0]) == 0 {
		return "00"
	}
	name := h.ALPN[0]
	first, last := name[0], name[len(name)-1]
	if alnum(first) && alnum(last) {
		return string([]byte{first, last})
	}
	const digits = "0123456789abcdef"
	return string([]byte{digits[first>>4], digits[last&15]})
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// appendHexes appends the numbers but GREASE, four digits each.
func appendHexes(dst []byte, list []uint16) []byte {
	first := true
	for _, n := range list {
		if grease(n) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = hex.AppendEncode(dst, []byte{byte(n >> 8), byte(n)})
	}
	return dst
}

// appendShort appends the first twelve digits of the text's SHA-256, and
// zeroes for a list without members.
func appendShort(dst []byte, members int, text []byte) []byte {
	if members == 0 {
		return append(dst, "000000000000"...)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(dst, sum[:6])
}

// AppendVersions appends the names of the offered versions, "1.3,1.2", in the
// client's order without GREASE; of a client without the extension the one
// that it names.
func (h *Hello) AppendVersions(dst []byte) []byte {
	list := h.Versions
	if len(list) == 0 {
		list = []uint16{h.Version}
	}
	first := true
	for _, v := range list {
		if grease(v) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendVersion(dst, v)
	}
	return dst
}

func appendVersion(dst []byte, v uint16) []byte {
	if v>>8 == 3 && v&0xff > 0 && v&0xff <= 4 {
		return append(dst, '1', '.', byte('0'+v&0xff-1))
	}
	if v == 0x0300 {
		return append(dst, "ssl3"...)
	}
	return hex.AppendEncode(dst, []byte{byte(v >> 8), byte(v)})
}
