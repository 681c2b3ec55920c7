package core

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ServerTLS is the configuration of a Core that speaks TLS 1.3 with the
// certificate and key of those PEM files. With a clientCA file every node
// must show a certificate that it signed.
func ServerTLS(certFile, keyFile, clientCA string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	if clientCA == "" {
		return cfg, nil
	}
	ca, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, fmt.Errorf("read client CA: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("client CA %s: no certificate in it", clientCA)
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg, nil
}

// Certificates are PEM files for tests: one CA, and what it signed.
type Certificates struct {
	CA                    string
	ServerCert, ServerKey string // for honeybee-manager, localhost, 127.0.0.1 and ::1
	ClientCert, ClientKey string
}

// MakeCertificates writes a set that is good for a day into dir.
func MakeCertificates(dir string) (Certificates, error) {
	ca, err := newIssuer()
	if err != nil {
		return Certificates{}, fmt.Errorf("make a CA: %w", err)
	}
	out := Certificates{CA: filepath.Join(dir, "ca.pem")}
	if err := writePEM(out.CA, "CERTIFICATE", ca.cert.Raw); err != nil {
		return out, err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "honeybee-manager"},
		DNSNames:    []string{"honeybee-manager", "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if out.ServerCert, out.ServerKey, err = ca.issue(dir, "server", server); err != nil {
		return out, err
	}
	client := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "node"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	out.ClientCert, out.ClientKey, err = ca.issue(dir, "client", client)
	return out, err
}

type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newIssuer makes a CA that signs itself.
func newIssuer() (issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return issuer{}, err
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "devcore CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	setSerialAndTime(t)
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return issuer{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return issuer{cert: cert, key: key}, err
}

// issue signs t for a new key and writes both into dir.
func (ca issuer) issue(dir, name string, t *x509.Certificate) (certFile, keyFile string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	setSerialAndTime(t)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, key.Public(), ca.key)
	if err != nil {
		return "", "", fmt.Errorf("sign %s: %w", name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("write key of %s: %w", name, err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil {
		return "", "", err
	}
	return certFile, keyFile, writePEM(keyFile, "PRIVATE KEY", keyDER)
}

func setSerialAndTime(t *x509.Certificate) {
	t.SerialNumber = big.NewInt(time.Now().UnixNano())
	t.NotBefore = time.Now().Add(-time.Hour)
	t.NotAfter = time.Now().Add(24 * time.Hour)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
