package pots

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"forager/board"

	"golang.org/x/crypto/ssh"
)

// sshKeys are a pot's host keys. They are made once and kept in the state
// directory, one file a type, mode 0600, PKCS 8 in PEM; all SSH pots of a node
// share them, as two ports of one device do.
type sshKeys struct {
	types []string // in the order of the option
	bits  int      // of an RSA key
	dir   string   // empty: nowhere
	log   *board.Log
}

// sshKeyTypes are the types there are. RSA takes seconds to make on a router,
// the others milliseconds.
var sshKeyTypes = []string{"rsa", "ecdsa", "ed25519"}

// sshKeyFiles is held while a key is read or made, so that two pots make one.
var sshKeyFiles sync.Mutex

func newSSHKeys(list, version, dir string, log *board.Log) (*sshKeys, error) {
	k := &sshKeys{bits: sshFamilyOf(version).bits, dir: dir, log: log}
	for t := range strings.SplitSeq(list, ",") {
		t = strings.TrimSpace(t)
		if t == "dsa" || t == "" { // x/crypto/ssh can't sign with DSA as servers do
			continue
		}
		if !slices.Contains(sshKeyTypes, t) {
			return nil, fmt.Errorf("want some of %s by commas, not %s", strings.Join(sshKeyTypes, ", "), quote(t))
		}
		if !slices.Contains(k.types, t) {
			k.types = append(k.types, t)
		}
	}
	if len(k.types) == 0 {
		return nil, errors.New("want at least one type of key")
	}
	return k, nil
}

// load gives set the keys that are at hand or quickly made. An RSA key that
// must be made first comes later, with a second call of set from another
// goroutine; if it is the only one, load waits for it.
func (k *sshKeys) load(set func([]ssh.Signer)) {
	ready := make([]ssh.Signer, len(k.types))
	slow := -1
	for i, t := range k.types {
		if t == "rsa" && len(k.types) > 1 && !k.kept(t) {
			slow = i
			continue
		}
		ready[i] = k.key(t)
	}
	set(present(ready))
	if slow >= 0 {
		go func() {
			ready[slow] = k.key("rsa")
			set(present(ready))
		}()
	}
}

func present(keys []ssh.Signer) []ssh.Signer {
	return slices.DeleteFunc(slices.Clone(keys), func(s ssh.Signer) bool { return s == nil })
}

func (k *sshKeys) path(t string) string { return filepath.Join(k.dir, "ssh_host_"+t+"_key") }

func (k *sshKeys) kept(t string) bool {
	if k.dir == "" {
		return false
	}
	_, err := os.Stat(k.path(t))
	return err == nil
}

// key reads a key or makes it. What can't be read is set aside, and what can't
// be kept is used all the same: the pot then has another key after a restart.
func (k *sshKeys) key(t string) ssh.Signer {
	sshKeyFiles.Lock()
	defer sshKeyFiles.Unlock()
	if k.dir != "" {
		s, err := k.read(t)
		if err == nil {
			return s
		}
		if !errors.Is(err, fs.ErrNotExist) {
			k.log.Errorf("ssh: host key: %v; making a new one (-state-dir)", err)
			_ = os.Rename(k.path(t), k.path(t)+".bad")
		}
	}
	private := makeSSHKey(t, k.bits)
	if err := k.write(t, private); err != nil {
		k.log.Errorf("ssh: host key is not kept over a restart: %v (-state-dir)", err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		panic("BUG: no signer of our own key: " + err.Error())
	}
	return s
}

// makeSSHKey makes a key. crypto/rand does not fail (Go 1.24).
func makeSSHKey(t string, bits int) crypto.Signer {
	var key crypto.Signer
	var err error
	switch t {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, bits)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		panic("BUG: host key: " + err.Error())
	}
	return key
}

func (k *sshKeys) read(t string) (ssh.Signer, error) {
	text, err := os.ReadFile(k.path(t))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", k.path(t))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path(t), err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path(t), err)
	}
	return s, nil
}

func (k *sshKeys) write(t string, key crypto.Signer) error {
	if k.dir == "" {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return board.WriteFile(k.path(t), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
