package core

import (
	"fmt"
	"sync"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// maxSecrets bounds the secrets remembered in "new" mode.
const maxSecrets = 1024

// enrolment decides about totp_code. Its zero value ignores codes.
type enrolment struct {
	now    func() time.Time
	secret string // of every node, unless each has its own

	mu      *sync.Mutex
	secrets map[uint64]string // nil unless each node has its own
}

func newEnrolment(flag string, now func() time.Time) (enrolment, error) {
	switch flag {
	case "":
		return enrolment{}, nil
	case "new":
		return enrolment{now: now, mu: new(sync.Mutex), secrets: map[uint64]string{}}, nil
	}
	if _, err := totp.GenerateCode(flag, now()); err != nil {
		return enrolment{}, fmt.Errorf("totp secret %q: %w", flag, err)
	}
	return enrolment{now: now, secret: flag}, nil
}

// verify checks a registration's code. newKey, if not empty, is the secret to
// hand out; an error is the reason to reject.
func (e *enrolment) verify(nodeID uint64, code string) (newKey string, err error) {
	secret := e.secret
	if e.secrets != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if secret = e.secrets[nodeID]; secret == "" {
			return e.enrol(nodeID)
		}
	}
	if secret == "" {
		return "", nil
	}
	ok, err := totp.ValidateCustom(code, secret, e.now(), totp.ValidateOpts{
		Period: 30, Skew: 1, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil || !ok {
		return "", fmt.Errorf("totp_code %.12q is not valid now", code)
	}
	return "", nil
}

func (e *enrolment) enrol(nodeID uint64) (string, error) {
	if len(e.secrets) >= maxSecrets {
		return "", fmt.Errorf("%d nodes have a secret already", maxSecrets)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "HoneyBee", AccountName: fmt.Sprint(nodeID)})
	if err != nil {
		return "", fmt.Errorf("make a totp secret: %w", err)
	}
	e.secrets[nodeID] = key.Secret()
	return key.Secret(), nil
}
