package pots

import (
	"bytes"
	"encoding/binary"
	"time"
)

// udpAnswers is what can be answered in no more bytes than the question has,
// by what appid calls it. Everything else stays without an answer: SSDP, STUN,
// NetBIOS, IPMI and the control messages of NTP want one that is longer.
var udpAnswers = map[string]func(dst, question []byte) []byte{
	"dns":       answerDNS,
	"ntp":       answerNTP,
	"snmp":      answerSNMP,
	"sip":       answerSIP,
	"memcached": answerMemcached,
	"coap":      answerCoAP,
	"tftp":      answerTFTP,
}

// appendAnswer appends the answer to a question, or nothing.
func appendAnswer(dst []byte, app string, question []byte) []byte {
	if answer := udpAnswers[app]; answer != nil {
		return answer(dst, question)
	}
	return dst
}

// answerDNS refuses (RFC 1035 section 4.1.1): the question comes back alone.
func answerDNS(dst, q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += 1 + int(q[end])
	}
	if end += 5; end > len(q) { // the root, type and class
		return dst
	}
	const response, opcode, recursion, refused = 0x80, 0x78, 0x01, 5
	dst = append(dst, q[0], q[1], response|q[2]&(opcode|recursion), refused, 0, 1, 0, 0, 0, 0, 0, 0)
	return append(dst, q[12:end]...)
}

// ntpEpoch is 1900 in Unix seconds (RFC 5905 section 6).
const ntpEpoch = 2208988800

// answerNTP tells a client the time (RFC 5905 section 7.3).
func answerNTP(dst, q []byte) []byte {
	if len(q) < 48 || q[0]&7 != 3 {
		return dst
	}
	at := time.Now()
	var now [8]byte
	binary.BigEndian.PutUint32(now[:], uint32(at.Unix()+ntpEpoch))
	binary.BigEndian.PutUint32(now[4:], uint32(uint64(at.Nanosecond())<<32/1e9))
	const stratum, precision = 3, 0xec // 2^-20 s
	dst = append(dst, q[0]&0x38|4, stratum, q[2], precision)
	dst = append(dst, 0, 0, 0x08, 0, 0, 0, 0x04, 0) // delay and dispersion
	dst = append(dst, 127, 127, 1, 0)               // whom it has the time from: its own clock, as routers have it
	dst = append(dst, now[:4]...)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, q[40:48]...)
	dst = append(dst, now[:]...)
	return append(dst, now[:]...)
}

// answerSNMP says noSuchName to GetRequest and GetNextRequest of the community
// that every device has (RFC 1157 section 4.1): the question with other numbers.
func answerSNMP(dst, q []byte) []byte {
	const get, next, response, noSuchName = 0xa0, 0xa1, 0xa2, 2
	at := bytes.Index(q, []byte("\x04\x06public")) + 8
	if at < 8 || at+2 > len(q) || q[at] != get && q[at] != next || q[at+1] >= 0x80 {
		return dst
	}
	id := at + 2
	if id+2 > len(q) || q[id] != 2 || q[id+1] > 8 {
		return dst
	}
	status := id + 2 + int(q[id+1])
	if status+6 > len(q) || q[status] != 2 || q[status+1] != 1 || q[status+3] != 2 || q[status+4] != 1 {
		return dst
	}
	from := len(dst)
	dst = append(dst, q...)
	a := dst[from:]
	a[at], a[status+2], a[status+5] = response, noSuchName, 1
	return dst
}

// sipKept are the fields that an answer repeats (RFC 3261 section 8.2.6.2).
var sipKept = []string{"via:", "v:", "from:", "f:", "to:", "t:", "call-id:", "i:", "cseq:"}

// answerSIP is 200 to OPTIONS and 401 to anything else that starts something.
func answerSIP(dst, q []byte) []byte {
	status := "401 Unauthorized"
	switch {
	case bytes.HasPrefix(q, []byte("OPTIONS ")):
		status = "200 OK"
	case bytes.HasPrefix(q, []byte("SIP/")) || bytes.HasPrefix(q, []byte("ACK ")):
		return dst
	}
	dst = append(append(append(dst, "SIP/2.0 "...), status...), "\r\n"...)
	for line := range bytes.Lines(q) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		for _, name := range sipKept {
			if len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
				dst = append(append(dst, line...), "\r\n"...)
			}
		}
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// answerMemcached knows no command; the frame's header comes back (memcached's
// protocol.txt, UDP protocol).
func answerMemcached(dst, q []byte) []byte {
	if len(q) < 8 {
		return dst
	}
	return append(append(dst, q[0], q[1], 0, 0, 0, 1, 0, 0), "ERROR\r\n"...)
}

// answerCoAP is 4.04 with the question's id and token (RFC 7252 section 3).
func answerCoAP(dst, q []byte) []byte {
	if len(q) < 4 || len(q) < 4+int(q[0]&15) {
		return dst
	}
	token := int(q[0] & 15)
	const ack, notFound = 0x60, 0x84
	return append(append(dst, ack|q[0]&15, notFound), q[2:4+token]...)
}

// answerTFTP has no such file, in as many words as fit (RFC 1350 section 5).
func answerTFTP(dst, q []byte) []byte {
	const words = "File not found"
	dst = append(dst, 0, 5, 0, 1)
	if len(q) > 4+len(words) {
		dst = append(dst, words...)
	}
	return append(dst, 0)
}
