package hassh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// opensshKex is what OpenSSH 9.2 sends, less what is no key exchange.
const (
	opensshKex = "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org," +
		"ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256," +
		"diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"
	ciphers = "aes128-ctr,aes256-ctr"
	macs    = "hmac-sha2-256"
)

// kexInit builds a payload.
func kexInit(lists ...string) []byte {
	b := append([]byte{msgKexInit}, make([]byte, cookie)...)
	for i := range 10 {
		list := ""
		if i < len(lists) {
			list = lists[i]
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(list))), list...)
	}
	return append(b, 0, 0, 0, 0, 0)
}

// packet wraps a payload (RFC 4253 section 6).
func packet(payload []byte) []byte {
	padding := 8 - (5+len(payload))%8
	if padding < minPadding {
		padding += 8
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	b = append(append(b, byte(padding)), payload...)
	return append(b, make([]byte, padding)...)
}

func TestParse(t *testing.T) {
	whole := kexInit("k", "h", "c", "c2", "m", "m2", "none", "none", "", "")
	for _, c := range []struct {
		name string
		in   []byte
		err  error
	}{
		{"nothing", nil, ErrOther},
		{"another message", []byte{21}, ErrOther},
		{"no cookie", whole[:5], ErrShort},
		{"no lists", whole[:17], ErrShort},
		{"a length cut", whole[:19], ErrShort},
		{"a list cut", whole[:21], ErrShort},
		{"a list too long", append(slices.Clone(whole[:17]), 0xff, 0xff, 0xff, 0xff, 'x'), ErrShort},
		{"no flag", whole[:len(whole)-5], ErrShort},
		{"whole", whole, nil},
		{"without the reserved word", whole[:len(whole)-4], nil},
	} {
		if _, err := Parse(c.in); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	k, err := Parse(whole)
	if err != nil || string(k.AppendAlgorithms(nil)) != "k;c;m;none" || string(k.HostKey) != "h" || string(k.MACSC) != "m2" {
		t.Errorf("%+v %v", k, err)
	}
}

// The MD5 sums are those of md5sum(1).
func TestHash(t *testing.T) {
	for _, c := range []struct{ want, kex, cipher, mac, comp string }{
		{"95420f9d932ddd22833f17b96a80bedb", "", "", "", ""},
		{"7c1b6ce34a5161c6127681698dd5f921", "curve25519-sha256", ciphers, macs, "none"},
	} {
		k, err := Parse(kexInit(c.kex, "x", c.cipher, "x", c.mac, "x", c.comp, "x"))
		if err != nil || k.Hash() != c.want {
			t.Errorf("%s %v, want %s", k.Hash(), err, c.want)
		}
	}
}

func TestTap(t *testing.T) {
	init := kexInit(opensshKex, "ssh-ed25519", ciphers, ciphers, macs, macs, "none", "none")
	ignore := packet(append([]byte{msgIgnore}, make([]byte, 20)...))
	for _, c := range []struct {
		name string
		in   []byte
		err  error
	}{
		{"length 0", []byte{0, 0, 0, 0}, ErrLength},
		{"length too small", []byte{0, 0, 0, 5, 0, 0, 0, 0, 0}, ErrLength},
		{"length too large", []byte{0, 0, 0x88, 0xb5}, ErrLength},
		{"HTTP", []byte("GET / HTTP/1.1\r\n"), ErrLength},
		{"too little padding", []byte{0, 0, 0, 6, 3, 20, 0, 0, 0, 0}, ErrLength},
		{"nothing but padding", []byte{0, 0, 0, 6, 5, 0, 0, 0, 0, 0}, ErrLength},
		{"another message", packet([]byte{30, 1, 2, 3}), ErrOther},
		{"endless ignoring", bytes.Repeat(ignore, maxBefore+1), ErrOther},
		{"behind what is ignored", append(bytes.Repeat(ignore, maxBefore), packet(init)...), nil},
		{"at once", packet(init), nil},
	} {
		for _, cut := range []int{len(c.in), 1, 7} {
			var tap Tap
			var got []byte
			var err error
			for part := range slices.Chunk(append(slices.Clone(c.in), "more"...), cut) {
				payload, found, e := tap.Feed(part)
				if found {
					got = payload
				}
				err = errors.Join(err, e)
			}
			if !errors.Is(err, c.err) || err == nil && !bytes.Equal(got, init) || !tap.Done() {
				t.Errorf("%s by %d: %v and %d bytes", c.name, cut, err, len(got))
			}
		}
	}
}

func TestNames(t *testing.T) {
	for list, want := range map[string]string{"": "", "a": "a", "a,b": "a|b", ",": "|", "a,,b": "a||b"} {
		var got []string
		for n := range Names([]byte(list)) {
			got = append(got, string(n))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q", list, got)
		}
	}
}

// FuzzTap: no cut changes what is found, and what is found can be parsed or
// not, but never more.
func FuzzTap(f *testing.F) {
	f.Add(packet(kexInit(opensshKex, "ssh-ed25519", ciphers, ciphers, macs, macs, "none", "none")), 3)
	f.Add(packet(kexInit()), 1)
	f.Add([]byte{0, 0, 0, 6, 4, 20, 0, 0, 0, 0}, 2)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		feed := func(cut int) (found []byte, failed bool) {
			var tap Tap
			for part := range slices.Chunk(in, cut) {
				payload, ok, err := tap.Feed(part)
				if ok {
					found = slices.Clone(payload)
				}
				failed = failed || err != nil
			}
			return found, failed
		}
		whole, failed := feed(max(len(in), 1))
		pieces, failed2 := feed(1 + int(uint(cut)%50))
		if !bytes.Equal(whole, pieces) || failed != failed2 {
			t.Fatalf("%x %v and %x %v", whole, failed, pieces, failed2)
		}
		if k, err := Parse(whole); err == nil && len(k.Hash()) != 32 {
			t.Fatal(k)
		}
	})
}
