package pots

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// httpsClient is a TLS client that believes everything.
func httpsClient(t *testing.T, addr string, cfg *tls.Config) (*tls.Conn, error) {
	t.Helper()
	cfg.InsecureSkipVerify = true
	nc, err := net.DialTimeout("tcp", addr, patience)
	mustNot(t, err)
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := tls.Client(nc, cfg)
	return c, c.Handshake()
}

const oneGet = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

// TestHTTPSVersions: what old and new clients speak, and what is told of them.
func TestHTTPSVersions(t *testing.T) {
	n := newNode(t, Config{StateDir: t.TempDir()}).run()
	addr := n.pots("https listen=127.0.0.1:0")
	for _, c := range []struct {
		version uint16
		name    string
		ja4     string // how it begins
	}{
		{tls.VersionTLS10, "1.0", "t10d"}, {tls.VersionTLS11, "1.1", "t11d"},
		{tls.VersionTLS12, "1.2", "t12d"}, {tls.VersionTLS13, "1.3", "t13d"},
	} {
		client, err := httpsClient(t, addr, &tls.Config{MinVersion: c.version, MaxVersion: c.version, ServerName: "router.lan", NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, err = io.WriteString(client, oneGet)
		mustNot(t, err)
		heard, err := io.ReadAll(client)
		if err != nil || !strings.HasPrefix(string(heard), "HTTP/1.1 401 N/A\r\n") {
			t.Errorf("%s: %q, %v", c.name, heard, err)
		}
		if got := client.ConnectionState(); got.Version != c.version || got.NegotiatedProtocol != "" {
			t.Errorf("%s: %x %q", c.name, got.Version, got.NegotiatedProtocol)
		}
		n.expect("https.session.connect", `{}`)
		hello := n.expect("https.client.hello", `{"ja3":"*","ja4":"*","versions":"`+c.name+`","sni":"router.lan","alpn":"h2,http/1.1"}`)
		if got := hello["ja4"].(string); !strings.HasPrefix(got, c.ja4) {
			t.Errorf("%s: JA4 %s", c.name, got)
		}
		n.expect("https.request", `{"method":"GET","url":"/","version":"1.1","host":"a","headers":"*","status":401}`)
		n.expect("https.session.closed", `{"duration":"*","bytes_in":"*","bytes_out":"*","reason":"done","requests":1}`)
	}
}

// TestHTTPSRefuses: what is no TLS, broken TLS, and TLS that nobody speaks.
func TestHTTPSRefuses(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("https listen=127.0.0.1:0")
	for _, c := range []struct{ name, say, heard, told string }{
		{"silence", "", "", ""},
		{"one byte", "\x16", "", "https.session.data"},
		{"half a hello", "\x16\x03\x01\x00\x80\x01\x00\x00", "", "https.session.data"},
		{"HTTP", oneGet, "", "https.request"},
		{"another protocol", "SSH-2.0-x\r\n", "", "https.session.data"},
		{"a broken hello", "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", "\x15", "https.client.hello https.handshake.failed"},
		{"an alert", "\x15\x03\x01\x00\x02\x02\x28", "", "https.session.data"},
	} {
		client := dial(t, addr)
		client.send(c.say)
		mustNot(t, client.Conn.(*net.TCPConn).CloseWrite())
		if heard := client.rest(); !strings.HasPrefix(heard, c.heard) || c.heard == "" && heard != "" {
			t.Errorf("%s: heard %q", c.name, heard)
		}
		n.expect("https.session.connect", `{}`)
		var told []string
		for {
			_, typ, _ := n.event()
			if typ == "https.session.closed" {
				break
			}
			told = append(told, typ)
		}
		if got := strings.Join(told, " "); got != c.told {
			t.Errorf("%s: told %s, want %s", c.name, got, c.told)
		}
	}
	_, err := httpsClient(t, addr, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
	if err == nil {
		t.Error("a client that wants RSA got it from an ECDSA key")
	}
}

// TestHTTPSKeepsItsCertificate: over a restart, in a file that nobody else can
// read; a broken file gives way to a new one.
func TestHTTPSKeepsItsCertificate(t *testing.T) {
	dir := t.TempDir()
	first := certOf(t, dir, "")
	if second := certOf(t, dir, ""); !first.Equal(second) {
		t.Error("another certificate after a restart")
	}
	files, err := filepath.Glob(filepath.Join(dir, "https-*.pem"))
	mustNot(t, err)
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if s := first.Subject.String(); s != first.Issuer.String() || !strings.Contains(s, "TP-LINK") || first.NotBefore.Year() != 2014 || first.NotAfter.Year() != 2024 {
		t.Errorf("subject %s, from %v to %v", s, first.NotBefore, first.NotAfter)
	}
	for _, broken := range []string{"", "-----BEGIN CERTIFICATE-----\n", strings.Repeat("x", maxCertFile+1)} {
		mustNot(t, os.WriteFile(files[0], []byte(broken), 0o600))
		if third := certOf(t, dir, ""); first.Equal(third) {
			t.Error("the same certificate from a broken file")
		}
	}
	again := certOf(t, dir, "")
	if last := certOf(t, dir, ""); !again.Equal(last) {
		t.Error("the file was not mended")
	}
	if elsewhere := certOf(t, t.TempDir(), ""); first.SerialNumber.Cmp(elsewhere.SerialNumber) == 0 {
		t.Error("two nodes have one serial number")
	}
	if nowhere := certOf(t, filepath.Join(dir, "missing"), ""); nowhere == nil {
		t.Error("no certificate without a state directory")
	}
}

// TestHTTPSRSA: a key that clients of old can use, who know no curves.
func TestHTTPSRSA(t *testing.T) {
	if testing.Short() {
		t.Skip("2048 bits take minutes in an emulator")
	}
	cert := certOf(t, "", " key=rsa")
	if cert.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("%v", cert.PublicKeyAlgorithm)
	}
}

// certOf starts a pot, as the node does after a restart, and takes its
// certificate.
func certOf(t *testing.T, dir, options string) (cert *x509.Certificate) {
	t.Helper()
	t.Run("node", func(t *testing.T) {
		n := newNode(t, Config{StateDir: dir}).run()
		cfg := &tls.Config{}
		if options != "" {
			cfg = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
		}
		client, err := httpsClient(t, n.pots("https listen=127.0.0.1:0"+options), cfg)
		mustNot(t, err)
		cert = client.ConnectionState().PeerCertificates[0]
	})
	return cert
}
