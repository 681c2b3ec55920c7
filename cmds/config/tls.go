package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPEM is the largest certificate or key file in bytes.
const maxPEM = 1 << 20

// TLSConfig reads the files that the -tls options name. It is nil when TLS is
// off. Errors name the option and the file.
func (c *Config) TLSConfig() (*tls.Config, error) {
	if !c.TLS.On {
		return nil, nil
	}
	t := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         c.TLS.ServerName,
		InsecureSkipVerify: c.TLS.Insecure,
	}
	if err := addCA(t, c.TLS.CA); err != nil {
		return nil, err
	}
	if err := addCertificate(t, c.TLS.Cert, c.TLS.Key); err != nil {
		return nil, err
	}
	return t, nil
}

func addCA(t *tls.Config, path string) error {
	if path == "" {
		return nil
	}
	pem, err := readPEM(path)
	if err != nil {
		return fmt.Errorf("-tls-ca: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("-tls-ca: %s: no certificate in PEM form", path)
	}
	return nil
}

func addCertificate(t *tls.Config, certPath, keyPath string) error {
	if certPath == "" {
		return nil
	}
	cert, err := readPEM(certPath)
	if err != nil {
		return fmt.Errorf("-tls-cert: %w", err)
	}
	key, err := readPEM(keyPath)
	if err != nil {
		return fmt.Errorf("-tls-key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("-tls-cert %s, -tls-key %s: %w", certPath, keyPath, err)
	}
	t.Certificates = []tls.Certificate{pair}
	return nil
}

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxPEM:
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxPEM)
	case len(b) == 0:
		return nil, errors.New(path + ": empty")
	}
	return b, nil
}
