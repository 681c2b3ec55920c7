package core

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestTLSWithClientCertificate(t *testing.T) {
	certs, err := MakeCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ServerTLS(certs.ServerCert, certs.ServerKey, certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{ServerName: "honeybee-manager", RootCAs: x509.NewCertPool()}
	client.RootCAs.AppendCertsFromPEM(pem)
	c := start(t, Config{TLS: server})

	// TLS 1.3 tells a client of its refused certificate at its first read.
	bare, err := tls.Dial("tcp", c.Addr(), client)
	if err == nil {
		_ = bare.SetDeadline(time.Now().Add(patience))
		_, err = bare.Read(make([]byte, 1))
		_ = bare.Close()
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("without a certificate: %v", err)
	}
	old := client.Clone()
	old.MaxVersion = tls.VersionTLS12
	if _, err := tls.Dial("tcp", c.Addr(), old); err == nil {
		t.Error("TLS 1.2 was spoken")
	}

	pair, err := tls.LoadX509KeyPair(certs.ClientCert, certs.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	client.Certificates = []tls.Certificate{pair}
	conn, err := tls.Dial("tcp", c.Addr(), client)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, conn)
	p.register(42)
	w := c.WatchNew()
	p.write(strings.Repeat(potEventDoc+"\n", 3))
	for range 3 {
		if m := next(t, w); m.Raw != potEventDoc {
			t.Errorf("over TLS: %s", m.Raw)
		}
	}
}

func TestTOTP(t *testing.T) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	now := time.Date(2026, 1, 15, 10, 30, 10, 0, time.UTC)
	c := start(t, Config{TOTP: secret, Now: func() time.Time { return now }})
	for offset, want := range map[time.Duration]bool{
		0: true, 30 * time.Second: true, -30 * time.Second: true,
		60 * time.Second: false, -60 * time.Second: false,
	} {
		code, err := totp.GenerateCode(secret, now.Add(offset))
		if err != nil {
			t.Fatal(err)
		}
		p := dial(t, c.Addr())
		p.write(registration(42, `,"totp_code":"`+code+`"`))
		if got := strings.Contains(p.line(), `"accepted":true`); got != want {
			t.Errorf("code %v away: accepted = %v", offset, got)
		}
		if !want {
			p.closed()
		}
	}
	for _, more := range []string{``, `,"totp_code":null`, `,"totp_code":""`, `,"totp_code":"abcdef"`} {
		p := dial(t, c.Addr())
		p.write(registration(42, more))
		if got := p.line(); !strings.Contains(got, `"accepted":false`) {
			t.Errorf("%s: %s", more, got)
		}
		p.closed()
	}
	if _, err := Start(Config{TOTP: "not base32!"}); err == nil {
		t.Error("a secret that is not base32 was taken")
	}
}

func TestTOTPKeyAtFirstRegistration(t *testing.T) {
	c := start(t, Config{TOTP: "new"})
	keyOf := func(p *peer) (key string, accepted bool) {
		var ack struct {
			Message struct {
				RegistrationAck struct {
					Accepted bool
					TOTPKey  string `json:"totp_key"`
				}
			}
		}
		if err := json.Unmarshal([]byte(p.line()), &ack); err != nil {
			t.Fatal(err)
		}
		return ack.Message.RegistrationAck.TOTPKey, ack.Message.RegistrationAck.Accepted
	}
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	key, accepted := keyOf(p)
	if !accepted || key == "" {
		t.Fatalf("first registration: accepted %v, key %q", accepted, key)
	}
	p = dial(t, c.Addr())
	p.write(registration(42, ""))
	if _, accepted := keyOf(p); accepted {
		t.Error("accepted again without a code")
	}
	code, err := totp.GenerateCode(key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p = dial(t, c.Addr())
	p.write(registration(42, `,"totp_code":"`+code+`"`))
	if again, accepted := keyOf(p); !accepted || again != "" {
		t.Errorf("with the code: accepted %v, key %q", accepted, again)
	}
}
