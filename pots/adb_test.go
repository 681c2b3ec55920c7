package pots

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"forager/pots/adbwire"
)

const adbLine = "adb listen=127.0.0.1:0 banner=device::test; "

// adbPeer speaks messages.
type adbPeer struct {
	*client
	dec  adbwire.Decoder
	got  []adbwire.Message
	id   uint32
	auto bool // acknowledge every WRTE
}

func (p *adbPeer) put(command, arg0, arg1 uint32, data string) {
	p.t.Helper()
	p.send(string(adbwire.Append(nil, command, arg0, arg1, []byte(data))))
}

// next returns the next message.
func (p *adbPeer) next() adbwire.Message {
	p.t.Helper()
	for len(p.got) == 0 {
		buf := make([]byte, 4096)
		n, err := p.Read(buf)
		mustNot(p.t, err)
		mustNot(p.t, p.dec.Feed(buf[:n], func(m *adbwire.Message) error {
			c := *m
			c.Data = bytes.Clone(m.Data)
			p.got = append(p.got, c)
			return nil
		}))
	}
	m := p.got[0]
	p.got = p.got[1:]
	if m.BadSum {
		p.t.Errorf("checksum of %x", m.Command)
	}
	return m
}

// want takes the next message, which must be this one.
func (p *adbPeer) want(command uint32, data string) adbwire.Message {
	p.t.Helper()
	m := p.next()
	if m.Command != command || string(m.Data) != data {
		p.t.Fatalf("%x %q, want %x %q", m.Command, m.Data, command, data)
	}
	return m
}

// adbOnlinePeer is a client that has connected.
func adbOnlinePeer(t *testing.T, n *node, addr string) *adbPeer {
	t.Helper()
	p := &adbPeer{client: dial(t, addr), auto: true}
	p.put(adbwire.CNXN, adbwire.Version, 4096, "host::\x00")
	m := p.want(adbwire.CNXN, "device::test;\x00")
	if m.Arg0 != adbwire.Version || m.Arg1 != adbwire.MaxData {
		t.Errorf("%+v", m)
	}
	n.expect("adb.session.connect", `{}`)
	n.expect("adb.client.version", `{"version":"host::","protocol_version":"0x1000000","maxdata":4096}`)
	return p
}

// open opens a stream and returns both numbers.
func (p *adbPeer) open(name string) (local, remote uint32) {
	p.t.Helper()
	p.id++
	p.put(adbwire.OPEN, p.id, 0, name+"\x00")
	return p.id, p.want(adbwire.OKAY, "").Arg0
}

// until reads what a stream sends, up to its end, acknowledging.
func (p *adbPeer) until(local, remote uint32) string {
	p.t.Helper()
	var out []byte
	for {
		switch m := p.next(); m.Command {
		case adbwire.WRTE:
			out = append(out, m.Data...)
			p.put(adbwire.OKAY, local, remote, "")
		case adbwire.CLSE:
			return string(out)
		}
	}
}

func TestADBOptions(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{"auth=yes", "auth"}, {"shell-download=x", "shell-download"}, {"banner=" + strings.Repeat("x", 600), "banner"}, {"accept=any", "accept"},
	} {
		if _, err := ParseSpec("adb listen=:5555 " + c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.options, err)
		}
	}
}

// TestADBNotADB: what is not ADB, or too early.
func TestADBNotADB(t *testing.T) {
	open := string(adbwire.Append(nil, adbwire.OPEN, 1, 0, []byte("shell:id\x00")))
	for _, c := range []struct{ name, say, data string }{
		{"nothing", "", ""},
		{"HTTP", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", `{"length":27,"payload":"GET / HTTP/1.0\r\nHost: a\r\n\r\n"}`},
		{"half a head", "CNXN", `{"length":4,"payload":"CNXN"}`},
		{"OPEN first", open, fmt.Sprintf(`{"length":%d,"payload_escaped":"*"}`, len(open))},
		{"too long", string(adbwire.Append(nil, adbwire.CNXN, 0, 0, make([]byte, adbwire.MaxTaken+1))[:24]), `{"length":24,"payload_escaped":"*"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{}).run()
			heard := dial(t, n.pots(adbLine)).converse(c.say, 1<<10)
			n.expect("adb.session.connect", `{}`)
			if c.data != "" {
				n.expect("adb.session.data", c.data)
			}
			n.expect("adb.session.closed", anyClose)
			if heard != "" {
				t.Errorf("heard %q", heard)
			}
		})
	}
}

func TestADBShell(t *testing.T) {
	v2 := func(kind byte, data string) string { return string(adbwire.AppendShell(nil, kind, []byte(data))) }
	for _, c := range []struct {
		name, service, say, hear string
		events                   []string
	}{
		{"a command", "shell:id", "", "uid=0(root) gid=0(root)\r\n", []string{`command.input {"input":"id"}`}},
		{"raw", "exec:id", "", "uid=0(root) gid=0(root)\n", []string{`command.input {"input":"id"}`}},
		{"a session", "shell:", "id\rexit\r", "# id\r\nuid=0(root) gid=0(root)\r\n# exit\r\n", []string{`command.input {"input":"id"}`, `command.input {"input":"exit"}`}},
		{"protocol 2", "shell,v2,raw:nosuch; echo x; exit 3", "", v2(2, "sh: nosuch: not found\n") + v2(1, "x\n") + v2(3, "\x03"),
			[]string{`command.input {"input":"nosuch; echo x; exit 3"}`, `command.failed {"input":"nosuch"}`}},
		{"protocol 2 reads", "shell,v2,raw:cat", v2(0, "ab") + v2(0, "c") + v2(4, ""), v2(1, "abc") + v2(3, "\x00"), []string{`command.input {"input":"cat"}`}},
		{"protocol 2 with a terminal", "shell,v2,TERM=xterm,pty:", v2(5, "24x80,0x0") + v2(0, "exit\r"), v2(1, "# ") + v2(1, "exit\r\n") + v2(3, "\x00"),
			[]string{`client.size {"width":80,"height":24}`, `command.input {"input":"exit"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{}).run()
			p := adbOnlinePeer(t, n, n.pots(adbLine))
			local, remote := p.open(c.service)
			if c.say != "" {
				p.put(adbwire.WRTE, local, remote, c.say)
			}
			if got := p.until(local, remote); got != c.hear {
				t.Errorf("%q, want %q", got, c.hear)
			}
			for _, e := range c.events {
				typ, fields, _ := strings.Cut(e, " ")
				n.expect("adb."+typ, fields)
			}
			p.Close()
			n.expect("adb.session.closed", anyClose)
		})
	}
}

// TestADBSync: a push is hashed, the shell finds it, and it can be pulled.
func TestADBSync(t *testing.T) {
	n := newNode(t, Config{}).run()
	p := adbOnlinePeer(t, n, n.pots(adbLine))
	le := func(n int) string { return string([]byte{byte(n), byte(n >> 8), 0, 0}) }
	local, remote := p.open("sync:")
	say := func(s string) {
		t.Helper()
		p.put(adbwire.WRTE, local, remote, s)
		p.want(adbwire.OKAY, "")
	}
	hear := func(s string) {
		t.Helper()
		p.want(adbwire.WRTE, s)
		p.put(adbwire.OKAY, local, remote, "")
	}
	say("STAT" + le(6) + "/tmp/x")
	hear("STAT" + strings.Repeat("\x00", 12))
	say("SEND" + le(12) + "/tmp/x,33261" + "DATA" + le(3) + "ab")
	say("cDONE" + le(0))
	hear("OKAY" + le(0))
	n.expect("adb.session.file_upload", fmt.Sprintf(`{"filename":"/tmp/x","shasum":%q,"size":3,"head":"abc","cause":"sync"}`, sumOf([]byte("abc"))))
	say("RECV" + le(6) + "/tmp/x")
	hear("DATA" + le(3) + "abcDONE" + le(0))
	say("RECV" + le(6) + "/tmp/y")
	hear("FAIL" + le(38) + "open failed: No such file or directory")
	p.put(adbwire.WRTE, local, remote, "QUIT"+le(0))
	p.want(adbwire.OKAY, "")
	p.want(adbwire.CLSE, "")
	local, remote = p.open("exec:cat /tmp/x; ls -l /tmp/x")
	if got := p.until(local, remote); !strings.HasPrefix(got, "abc-rwxr-xr-x") {
		t.Errorf("%q", got)
	}
	n.expect("adb.command.input", `{"input":"cat /tmp/x; ls -l /tmp/x"}`)
	local, remote = p.open("sync:")
	say("SEND" + le(6) + "/tmp/z" + "DATA" + le(9) + "cut")
	p.Close()
	n.expect("adb.session.file_upload", fmt.Sprintf(`{"filename":"/tmp/z","shasum":%q,"size":3,"head":"cut","cause":"sync","state":"cut off"}`, sumOf([]byte("cut"))))
	n.expect("adb.session.closed", anyClose)
}

// TestADBServices: what connects nowhere, and what is not there.
func TestADBServices(t *testing.T) {
	n := newNode(t, Config{}).run()
	p := adbOnlinePeer(t, n, n.pots(adbLine))
	host, port := splitAddr(t, newListener(t))
	local, remote := p.open(fmt.Sprintf("tcp:%d:%s", port, host))
	p.put(adbwire.WRTE, local, remote, "GET /")
	p.want(adbwire.OKAY, "")
	p.want(adbwire.CLSE, "")
	where := fmt.Sprintf(`"target_host":%q,"target_port":%d`, host, port)
	n.expect("adb.direct-tcpip.request", "{"+where+"}")
	n.expect("adb.direct-tcpip.data", "{"+where+`,"length":5,"data":"GET /"}`)
	local, remote = p.open("reverse:forward:tcp:1;tcp:2")
	if got := p.until(local, remote); got != "FAIL002dcannot bind listener: Operation not permitted" {
		t.Errorf("%q", got)
	}
	n.expect("adb.tcpip-forward.request", `{"destination":"forward:tcp:1;tcp:2"}`)
	local, remote = p.open("root:")
	if got := p.until(local, remote); !strings.Contains(got, "root") {
		t.Errorf("%q", got)
	}
	n.expect("adb.command.input", `{"input":"root:"}`)
	for _, name := range []string{"jdwp:1", "tcp:x", "tcp:99999", "", "\xff"} {
		p.put(adbwire.OPEN, 99, 0, name)
		if m := p.want(adbwire.CLSE, ""); m.Arg1 != 99 {
			t.Errorf("%+v", m)
		}
		key := "destination"
		if name == "\xff" {
			key, name = "destination_escaped", `\xff`
		}
		n.expect("adb.stream.refused", fmt.Sprintf(`{%q:%q}`, key, name))
	}
	p.put(adbwire.WRTE, 1, 77, "to nobody")
	p.want(adbwire.CLSE, "")
	p.put(adbwire.OKAY, 1, 77, "")
	p.put(adbwire.CLSE, 1, 77, "")
	p.put(adbwire.SYNC, 1, 1, "")
	p.put(adbwire.STLS, 1, 1, "")
	p.open("shell:")
}

// TestADBKey: with auth=key a client shows its key first.
func TestADBKey(t *testing.T) {
	n := newNode(t, Config{}).run()
	p := &adbPeer{client: dial(t, n.pots(adbLine+"auth=key"))}
	p.put(adbwire.CNXN, adbwire.VersionSum, 1<<20, "host::\x00")
	if m := p.next(); m.Command != adbwire.AUTH || m.Arg0 != adbwire.AuthToken || len(m.Data) != 20 {
		t.Errorf("%+v", m)
	}
	p.put(adbwire.OPEN, 1, 0, "shell:id\x00") // not yet
	p.put(adbwire.AUTH, adbwire.AuthSignature, 0, "signature")
	if m := p.next(); m.Command != adbwire.AUTH {
		t.Errorf("%+v", m)
	}
	p.put(adbwire.AUTH, adbwire.AuthPublicKey, 0, "QAAA me@here\x00")
	p.want(adbwire.CNXN, "device::test;\x00")
	n.expect("adb.session.connect", `{}`)
	n.expect("adb.client.version", `{"version":"host::","protocol_version":"0x1000001","maxdata":1048576}`)
	n.expect("adb.login.success", fmt.Sprintf(`{"username":"me@here","method":"publickey","type":"adb-rsa","fingerprint":%q}`, sumOf([]byte("QAAA"))))
	local, remote := p.open("exec:echo in")
	if got := p.until(local, remote); got != "in\n" {
		t.Errorf("%q", got)
	}
}

// TestADBLimits: many streams, a client that does not wait, one that does not
// read, and one that goes in the middle.
func TestADBLimits(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots(adbLine)
	p := adbOnlinePeer(t, n, addr)
	for range adbStreams {
		p.id++
		p.put(adbwire.OPEN, p.id, 0, "tcp:80\x00")
		p.want(adbwire.OKAY, "")
	}
	p.put(adbwire.OPEN, 99, 0, "tcp:80\x00")
	p.want(adbwire.CLSE, "")
	p.Close()
	n.closed()

	p = adbOnlinePeer(t, n, addr)
	local, remote := p.open("shell:sleep 25")
	p.put(adbwire.WRTE, local, remote, "one")
	p.put(adbwire.WRTE, local, remote, "two")
	p.want(adbwire.CLSE, "")
	p.Close()
	n.closed()

	p = adbOnlinePeer(t, n, addr)
	start := time.Now()
	p.open("shell:sleep 25")
	p.open("exec:cat /dev/zero")
	n.expect("adb.command.input", `{"input":"*"}`)
	n.expect("adb.command.input", `{"input":"*"}`)
	p.Close()
	n.closed()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s to end", took)
	}
}

// TestADBRealPayloads: what real attackers said first. Nothing is left behind.
func TestADBRealPayloads(t *testing.T) {
	n := newNode(t, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("adb listen=:5555")
	hello := string(adbwire.Append(nil, adbwire.CNXN, adbwire.Version, 4096, []byte("host::\x00")))
	for _, p := range payloads(t) {
		for _, say := range []string{p, hello + p, hello + string(adbwire.Append(nil, adbwire.OPEN, 1, 0, []byte("exec:"+p[:min(len(p), 1000)])))} {
			n.serve(inst, &mute{say: []byte(say), chunk: 100})
			if told := n.drain(); say != "" && !strings.Contains(told, "adb.session.data") && !strings.Contains(told, "adb.client.version") {
				t.Fatalf("%q: %s", say, told)
			}
		}
	}
}

// FuzzADBPot: whatever comes, the session ends with its connection.
func FuzzADBPot(f *testing.F) {
	hello := adbwire.Append(nil, adbwire.CNXN, adbwire.Version, 4096, []byte("host::\x00"))
	f.Add(adbwire.Append(hello, adbwire.OPEN, 1, 0, []byte("shell:id; echo $((1+1))\x00")))
	f.Add(adbwire.Append(adbwire.Append(hello, adbwire.OPEN, 1, 0, []byte("sync:\x00")), adbwire.WRTE, 1, 1, []byte("SEND\x02\x00\x00\x00/aDATA")))
	f.Add(adbwire.Append(hello, adbwire.OPEN, 1, 0, []byte("shell,v2,raw:cat\x00")))
	n := newNode(f, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("adb listen=:5555")
	f.Fuzz(func(t *testing.T, say []byte) {
		n.serve(inst, &mute{say: say, chunk: 64})
		n.drain()
	})
}

// TestADBIdleStack: a client that never says a word costs the smallest stack
// there is.
func TestADBIdleStack(t *testing.T) {
	if raceDetector {
		t.Skip("its frames are larger")
	}
	if !alone(t) {
		return
	}
	const conns = 200
	n := newNode(t, Config{}).run()
	addr := n.pots(adbLine)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range conns {
		dial(t, addr)
	}
	inst := n.m.all()[0]
	await(t, "all of them", func() bool { return inst.count.open.Load() == conns })
	runtime.ReadMemStats(&after)
	if each := int64(after.StackInuse-before.StackInuse) / conns; each > idleStack {
		t.Errorf("%d bytes of stack a connection", each)
	}
}
