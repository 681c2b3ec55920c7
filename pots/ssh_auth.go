package pots

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// errSSHRefused is what every refused login comes to. x/crypto/ssh tells the
// client only that it failed.
var errSSHRefused = errors.New("refused")

func sshLinkOf(m ssh.ConnMetadata) *sshLink { return m.RemoteAddr().(*sshAddr).link }

// sshPassword judges a password (RFC 4252 section 8).
func sshPassword(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	l, user := sshLinkOf(m), []byte(m.User())
	if l.p.accept.accepts(l.c.AddrKey(), user, password) {
		l.c.LoginSuccess(user, password)
		return nil, nil
	}
	l.c.LoginFailed(user, password)
	return nil, l.refused()
}

// sshInteractive asks for a password the other way (RFC 4256), as PAM does.
func sshInteractive(m ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	answers, err := ask("", "", []string{"Password: "}, []bool{false})
	if err != nil || len(answers) != 1 {
		return nil, sshLinkOf(m).refused()
	}
	return sshPassword(m, []byte(answers[0]))
}

// sshPublicKey judges a key (RFC 4252 section 7). Only accept=any takes one;
// whether its owner has it shows later.
func sshPublicKey(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	l := sshLinkOf(m)
	if l.p.accept.any {
		return nil, nil
	}
	l.tellKey("login.failed", m, key)
	return nil, l.refused()
}

// sshVerifiedKey hears of a key that was accepted and proved.
func sshVerifiedKey(m ssh.ConnMetadata, key ssh.PublicKey, p *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	sshLinkOf(m).tellKey("login.success", m, key)
	return p, nil
}

func (l *sshLink) tellKey(what string, m ssh.ConnMetadata, key ssh.PublicKey) {
	l.c.l.inst.count.logins.Add(1)
	l.c.Event(what).Bytes("username", []byte(m.User())).String("method", "publickey").
		String("type", key.Type()).String("fingerprint", ssh.FingerprintSHA256(key)).Send()
}

// refused counts a refused login. The client hears of the last one too, and
// then the connection ends: one that were told of its end instead could try
// the same password again.
func (l *sshLink) refused() error {
	if l.failures++; l.failures >= l.p.tries {
		l.last.Store(true)
	}
	return errSSHRefused
}
