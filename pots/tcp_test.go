package pots

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"forager/conn/ring"
)

func TestTCP(t *testing.T) {
	for _, c := range []struct{ name, options, say, fields string }{
		{"nothing", "", "", ""},
		{"text", "", "GET / HTTP/1.0\r\n\r\n", `{"length":18,"payload":"GET / HTTP/1.0\r\n\r\n"}`},
		{"binary", "", "\x16\x03\x01\xff\\", `{"length":5,"payload_escaped":"\u0016\u0003\u0001\\xff\\\\"}`},
		{"as much as is recorded", "max=4", "abcd", `{"length":4,"payload":"abcd"}`},
		{"more than is recorded", "max=2", "abc", `{"length":3,"payload":"ab","shasum":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`},
		{"banner", `banner="220 x\r\n"`, "x", `{"length":1,"payload":"x"}`},
	} {
		for _, chunk := range []int{1, 100} {
			n := newNode(t, Config{}).run()
			peer := dial(t, n.pots("tcp listen=127.0.0.1:0 "+c.options))
			heard := peer.converse(c.say, chunk)
			want := ""
			if c.name == "banner" {
				want = "220 x\r\n"
			}
			if heard != want {
				t.Errorf("%s: heard %q", c.name, heard)
			}
			n.expect("tcp.session.connect", `{}`)
			if c.fields != "" {
				n.expect("tcp.session.data", c.fields)
			}
			n.expect("tcp.session.closed", fmt.Sprintf(`{"duration":"*","bytes_in":%d,"bytes_out":%d,"reason":"client"}`, len(c.say), len(want)))
			n.stop()
		}
	}
}

// unescape reads a field back, see the package wire.
func fieldBytes(t *testing.T, data map[string]any, key string) string {
	t.Helper()
	if v, ok := data[key].(string); ok {
		return v
	}
	v, ok := data[key+"_escaped"].(string)
	if !ok {
		t.Fatalf("no %s in %v", key, data)
	}
	var b []byte
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] != '\\':
			b = append(b, v[i])
		case v[i+1] == '\\':
			b = append(b, '\\')
			i++
		default:
			n, err := strconv.ParseUint(v[i+2:i+4], 16, 8)
			mustNot(t, err)
			b = append(b, byte(n))
			i += 3
		}
	}
	return string(b)
}

// TestRealPayloads: what real attackers said first comes back byte for byte.
func TestRealPayloads(t *testing.T) {
	n := newNode(t, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("tcp listen=:1 max=8192")
	for _, payload := range payloads(t) {
		n.serve(inst, &mute{say: []byte(payload), chunk: 100})
		if n.ring.Peek(n.batch) != 1 {
			t.Fatalf("not one event for %q", payload)
		}
		var e ring.Event
		n.batch.Next(&e)
		n.ring.Forget(e.Seq)
		var data map[string]any
		mustNot(t, json.Unmarshal(e.Data, &data))
		if got := fieldBytes(t, data, "payload"); got != payload || data["length"] != float64(len(payload)) {
			t.Errorf("%q came back as %q, %v", payload, got, data)
		}
	}
}

// payloads are the real ones of testdata, and all bytes.
func payloads(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("testdata/payloads.tsv.gz")
	mustNot(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	mustNot(t, err)
	var all strings.Builder
	for i := range 256 {
		all.WriteByte(byte(i))
	}
	list := []string{all.String(), strings.Repeat("\x00", MaxField)}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		_, text, ok := strings.Cut(in.Text(), "\t")
		if !ok || strings.HasPrefix(in.Text(), "#") {
			continue
		}
		b, err := hex.DecodeString(text)
		mustNot(t, err)
		if len(b) > 0 && len(b) <= MaxField {
			list = append(list, string(b))
		}
	}
	mustNot(t, in.Err())
	if len(list) < 800 {
		t.Fatalf("only %d payloads", len(list))
	}
	return list
}

func TestConnAfterTheLimit(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{BytesIn: 3}})
	defer n.ring.Close()
	c := &Conn{nc: &mute{say: []byte("abcdef"), chunk: 6}, l: &listener{inst: n.handlerOf("tcp listen=:1")}}
	got, err := io.ReadAll(c)
	if string(got) != "abc" || err != ErrBytes {
		t.Errorf("%q %v", got, err)
	}
	var _ net.Conn = (*mute)(nil)
}
