package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTLSConfig(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "a")
	_, otherKey := pair(t, dir, "b")
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	for path, content := range map[string]string{empty: "", text: "no PEM"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := []struct {
		name string
		tls  TLS
		want string
	}{
		{"CA missing", TLS{CA: filepath.Join(dir, "none")}, "-tls-ca"},
		{"CA a directory", TLS{CA: dir}, "-tls-ca"},
		{"CA empty", TLS{CA: empty}, "-tls-ca"},
		{"CA text", TLS{CA: text}, "-tls-ca"},
		{"CA a key", TLS{CA: key}, "-tls-ca"},
		{"CA without end", TLS{CA: "/dev/zero"}, "-tls-ca"},
		{"cert missing", TLS{Cert: filepath.Join(dir, "none"), Key: key}, "-tls-cert"},
		{"key missing", TLS{Cert: cert, Key: filepath.Join(dir, "none")}, "-tls-key"},
		{"key of another", TLS{Cert: cert, Key: otherKey}, "-tls-key"},
		{"exchanged", TLS{Cert: key, Key: cert}, "-tls-cert"},
	}
	for _, tt := range bad {
		tt.tls.On = true
		_, err := (&Config{TLS: tt.tls}).TLSConfig()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error shows the key", tt.name)
		}
	}

	if c, err := (&Config{}).TLSConfig(); c != nil || err != nil {
		t.Errorf("off: %v, %v", c, err)
	}
	c, err := (&Config{TLS: TLS{On: true, CA: cert, Cert: cert, Key: key, ServerName: "s"}}).TLSConfig()
	if err != nil {
		t.Fatal(err)
	}
	if c.MinVersion != tls.VersionTLS13 || c.RootCAs == nil || len(c.Certificates) != 1 || c.ServerName != "s" || c.InsecureSkipVerify {
		t.Errorf("got %+v", c)
	}
}

// pair writes a certificate and its key, and returns their paths.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
