package pots

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"

	"forager/board"
	"forager/pots/persona"
)

// rsaBits is what devices have used since 2014.
const rsaBits = 2048

// deviceCert is the self-signed certificate of a device. It is made when the
// first client needs it, and kept in the state directory: a device that has
// another one after every restart is none.
type deviceCert struct {
	dir    string // empty: not kept
	kind   string // "ecdsa" or "rsa"
	device *persona.Persona
	log    *board.Log

	mu   sync.Mutex
	cert *tls.Certificate
}

// certFiles keeps two pots from making the same file at once.
var certFiles sync.Mutex

// get returns the certificate.
func (d *deviceCert) get() (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cert != nil {
		return d.cert, nil
	}
	certFiles.Lock()
	defer certFiles.Unlock()
	cert, err := d.load()
	if err == nil {
		d.cert = cert
		return cert, nil
	}
	if d.dir != "" && !errors.Is(err, fs.ErrNotExist) {
		d.log.Warnf("certificate of https: %v; making another (-state-dir)", err)
	}
	d.cert, err = d.make()
	return d.cert, err
}

// path is where it is kept. Another persona is another device.
func (d *deviceCert) path() string {
	t := &d.device.TLS
	sum := sha256.Sum256([]byte(d.kind + "\x00" + t.CommonName + "\x00" + t.Org + "\x00" + t.Unit + "\x00" + t.City))
	return filepath.Join(d.dir, "https-"+hex.EncodeToString(sum[:4])+".pem")
}

// maxCertFile is the largest file in bytes that may be a key and a certificate.
const maxCertFile = 16 << 10

func (d *deviceCert) load() (*tls.Certificate, error) {
	if d.dir == "" {
		return nil, fs.ErrNotExist
	}
	path := d.path()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCertFile {
		return nil, fmt.Errorf("%s: not a file of a key and a certificate", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &cert, nil
}

// make makes a certificate and keeps it if it can.
func (d *deviceCert) make() (*tls.Certificate, error) {
	key, err := d.newKey()
	if err != nil {
		return nil, fmt.Errorf("certificate of https: %w", err)
	}
	template := d.template()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of https: %w", err)
	}
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err == nil && d.dir != "" {
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		err = board.WriteFile(d.path(), text)
	}
	if err != nil { // the node goes on with it, until the next restart
		d.log.Warnf("certificate of https: not kept over a restart: %v (-state-dir)", err)
	}
	return cert, nil
}

func (d *deviceCert) newKey() (crypto.Signer, error) {
	if d.kind == "rsa" {
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// template is the persona's subject, signed by itself, as the tools of its
// firmware make it: no extensions but that it is its own authority.
func (d *deviceCert) template() *x509.Certificate {
	t := &d.device.TLS
	name := pkix.Name{CommonName: t.CommonName}
	for _, f := range [...]struct {
		to   *[]string
		text string
	}{
		{&name.Organization, t.Org}, {&name.OrganizationalUnit, t.Unit}, {&name.Country, t.Country},
		{&name.Province, t.State}, {&name.Locality, t.City},
	} {
		if f.text != "" {
			*f.to = []string{f.text}
		}
	}
	var serial [8]byte
	_, _ = rand.Read(serial[:]) // never fails
	serial[0] = serial[0]&0x7f | 0x40
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]), Subject: name,
		NotBefore: t.Start, NotAfter: t.Start.AddDate(t.Years, 0, 0),
		IsCA: true, BasicConstraintsValid: true,
	}
}
