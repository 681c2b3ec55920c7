package conn

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"

	"forager/board"
)

const (
	totpFile   = "totp.secret"
	totpIssuer = "HoneyBee"
	// maxSecret is the longest secret in base32 digits that is taken from a
	// file or from Core; RFC 4226 section 4 asks for 20 bytes, 32 digits.
	maxSecret = 256
)

// TOTP is the node's shared secret (RFC 6238: SHA-1, 30 s, six digits), kept
// in the state directory with mode 0600.
type TOTP struct {
	path string
	name string

	mu     sync.Mutex
	secret string
}

// LoadTOTP reads the secret from dir, or makes and stores one. name is the
// account in the enrolment URI.
func LoadTOTP(dir, name string) (*TOTP, error) {
	t := &TOTP{path: totpPath(dir), name: name}
	b, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, t.create()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the TOTP secret: %w (-state-dir)", err)
	}
	t.secret = strings.TrimSpace(string(b))
	if err := checkSecret(t.secret); err != nil {
		return nil, fmt.Errorf("TOTP secret in %s: %w", t.path, err)
	}
	return t, nil
}

func totpPath(dir string) string { return filepath.Join(dir, totpFile) }

func (t *TOTP) create() error {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: t.name})
	if err != nil {
		return fmt.Errorf("making a TOTP secret: %w", err)
	}
	return t.Store(key.Secret())
}

// Store replaces the secret, on disk first. Core hands one out as totp_key.
func (t *TOTP) Store(secret string) error {
	if err := checkSecret(secret); err != nil {
		return fmt.Errorf("TOTP secret: %w", err)
	}
	if err := board.WriteFile(t.path, []byte(secret+"\n")); err != nil {
		return fmt.Errorf("storing the TOTP secret: %w (-state-dir)", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secret = secret
	return nil
}

// Code is the code of that moment.
func (t *TOTP) Code(now time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return totp.GenerateCode(t.secret, now)
}

// URI is the secret for enrolment, an otpauth:// URI. It must not be logged.
func (t *TOTP) URI() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	raw, err := decodeSecret(t.secret)
	if err != nil {
		return "", err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: t.name, Secret: raw})
	if err != nil {
		return "", err
	}
	return key.URL(), nil
}

// checkSecret takes base32 with or without padding (RFC 4648 section 6). The
// error never holds the secret.
func checkSecret(s string) error {
	if len(s) > maxSecret {
		return fmt.Errorf("longer than %d digits", maxSecret)
	}
	raw, err := decodeSecret(s)
	if err != nil || len(raw) == 0 {
		return errors.New("not base32")
	}
	return nil
}

func decodeSecret(s string) ([]byte, error) {
	s = strings.ToUpper(strings.TrimRight(strings.TrimSpace(s), "="))
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
}
