package appid

import (
	"bytes"
	"net/netip"
	"strconv"
)

// MaxDetail is the longest detail in bytes; of a longer one there is the start.
const MaxDetail = 255

// Detail finds what the sender of b, which speaks app, says that he wants or
// is: the field's name, in Cowrie's words where it has one, and its value, which
// points into b or stands in dst. There is none for most protocols; key is
// empty then.
func Detail(dst []byte, app string, b []byte) (key string, value []byte) {
	b = b[:min(len(b), MaxLook)]
	switch app {
	case "ssh":
		key, value = "version", line(b)
	case "rdp":
		key, value = "username", between(b, "mstshash=")
	case "socks4":
		key, value = "target", socks4Target(dst, b)
	case "http":
		key, value = "target", between(b, "CONNECT ")
	case "mglndd":
		key, value = "target", between(b, "MGLNDD_")
	case "dns":
		key, value = "query", dnsName(dst, b)
	case "snmp":
		key, value = "community", snmpCommunity(b)
	case "tftp":
		key, value = "filename", tftpName(b)
	}
	if len(value) == 0 {
		return "", nil
	}
	return key, value[:min(len(value), MaxDetail)]
}

// between is what stands behind a mark, to the next space or end of the line.
func between(b []byte, mark string) []byte {
	at := bytes.Index(b, []byte(mark))
	if at < 0 {
		return nil
	}
	word := line(b[at+len(mark):])
	if end := bytes.IndexByte(word, ' '); end >= 0 {
		word = word[:end]
	}
	return word
}

// socks4Target is address:port, and the name of SOCKS 4a where there is one.
func socks4Target(dst, b []byte) []byte {
	if len(b) < 9 {
		return nil
	}
	if has(b, 4, "\x00\x00\x00") && b[7] != 0 { // 4a: a name behind the user
		_, rest, _ := bytes.Cut(b[8:], []byte{0})
		name, _, _ := bytes.Cut(rest, []byte{0})
		dst = append(dst, name[:min(len(name), MaxDetail-6)]...)
	} else {
		dst = netip.AddrFrom4([4]byte(b[4:8])).AppendTo(dst)
	}
	return strconv.AppendUint(append(dst, ':'), uint64(u16(b, 2)), 10)
}

// dnsName is the name of the first question with dots; the root is one dot.
func dnsName(dst, b []byte) []byte {
	if has(b, 2, "") && u16(b, 0) == len(b)-2 && dnsQuestion(2)(b) {
		b = b[2:] // over TCP its length comes first
	}
	at := 12
	for at < len(b) && b[at] != 0 && b[at] <= 63 {
		n := int(b[at])
		if at+1+n > len(b) {
			break
		}
		dst = append(append(dst, b[at+1:at+1+n]...), '.')
		at += 1 + n
	}
	if len(dst) == 0 {
		return append(dst, '.')
	}
	return dst
}

func snmpCommunity(b []byte) []byte {
	b, ok := berContent(b, 0x30)
	if !ok || len(b) < 5 || b[3] != 4 || int(b[4]) > len(b)-5 {
		return nil
	}
	return b[5 : 5+b[4]]
}

func tftpName(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	name, _, _ := bytes.Cut(b[2:], []byte{0})
	return name
}
