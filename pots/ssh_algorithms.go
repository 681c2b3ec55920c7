package pots

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// sshAlgorithms is what a server offers. What x/crypto/ssh does not have
// (compression, twofish, hmac-md5, DSA keys) is missing from every list.
type sshAlgorithms struct {
	kex, ciphers, macs []string
}

// sshFamily is how a line of versions of one server behaves.
type sshFamily struct {
	from  string // part of the version line behind "SSH-2.0-", before the number
	since int    // the lowest version: year*100+minor for dropbear, major*100+minor for OpenSSH
	tries int    // failed logins before it hangs up
	bits  int    // of an RSA host key made by its defaults
	sshAlgorithms
}

// What the servers offer by their defaults, from their sources (dropbear's
// common-algo.c, OpenSSH's myproposal.h), the newest of a name first.
// Left out on purpose: group exchange and the groups above 14, because a
// router without hardware for it would compute for a second each.
var sshFamilies = []sshFamily{
	{"dropbear_", 202000, 10, 2048, sshAlgorithms{
		kex:     []string{"curve25519-sha256", "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256"},
		ciphers: []string{"chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"},
		macs:    []string{"hmac-sha1", "hmac-sha2-256"},
	}},
	{"dropbear_", 201361, 10, 2048, sshAlgorithms{
		kex: []string{"curve25519-sha256", "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256",
			"diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"},
		ciphers: []string{"aes128-ctr", "aes256-ctr", "aes128-cbc", "3des-cbc"},
		macs:    []string{"hmac-sha1-96", "hmac-sha1", "hmac-sha2-256", "hmac-sha2-512"},
	}},
	{"dropbear_", 0, 10, 1024, sshAlgorithms{
		kex:     []string{"diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"},
		ciphers: []string{"aes128-ctr", "aes256-ctr", "aes128-cbc", "3des-cbc"},
		macs:    []string{"hmac-sha1-96", "hmac-sha1"},
	}},
	{"OpenSSH_", 605, 6, 2048, sshAlgorithms{
		kex:     []string{"curve25519-sha256", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256"},
		ciphers: []string{"chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"},
		macs:    []string{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"},
	}},
	{"", 0, 6, 2048, sshAlgorithms{
		kex:     []string{"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"},
		ciphers: []string{"aes128-ctr", "aes192-ctr", "aes256-ctr", "arcfour256", "arcfour128", "aes128-cbc", "3des-cbc"},
		macs:    []string{"hmac-sha1", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1-96"},
	}},
}

// sshWide is what algorithms=wide adds behind the device's own: today's clients
// refuse what devices of 2012 offer, and these are also the cheapest to
// compute.
var sshWide = sshAlgorithms{
	kex:     []string{"curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256", "diffie-hellman-group14-sha1"},
	ciphers: []string{"aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-cbc"},
	macs:    []string{"hmac-sha2-256", "hmac-sha1"},
}

// sshFamilyOf finds the family of a version line.
func sshFamilyOf(version string) *sshFamily {
	name := strings.TrimPrefix(version, "SSH-2.0-")
	for i := range sshFamilies {
		f := &sshFamilies[i]
		if strings.HasPrefix(name, f.from) && sshNumber(name[len(f.from):]) >= f.since {
			return f
		}
	}
	panic("BUG: the last family fits all")
}

// sshNumber reads "2012.55" as 201255 and "6.6.1p1" as 606.
func sshNumber(s string) int {
	major, rest, _ := strings.Cut(s, ".")
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	a, err := strconv.Atoi(major)
	b, _ := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return a*100 + b
}

func sshTriesOf(version string) int { return sshFamilyOf(version).tries }

func sshIsOpen(version string) bool { return strings.HasPrefix(version, "SSH-2.0-OpenSSH") }

// sshAlgorithmsOf returns the lists for a version.
func sshAlgorithmsOf(version string, wide bool) sshAlgorithms {
	a := sshFamilyOf(version).sshAlgorithms
	if wide {
		a = sshAlgorithms{union(a.kex, sshWide.kex), union(a.ciphers, sshWide.ciphers), union(a.macs, sshWide.macs)}
	}
	return a
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// setConfig makes the configuration that all connections share from now on.
func (p *sshPot) setConfig(keys []ssh.Signer) {
	conf := &ssh.ServerConfig{
		Config:                      ssh.Config{KeyExchanges: p.algos.kex, Ciphers: p.algos.ciphers, MACs: p.algos.macs},
		MaxAuthTries:                -1, // we count
		ServerVersion:               p.version,
		PasswordCallback:            sshPassword,
		KeyboardInteractiveCallback: sshInteractive,
		PublicKeyCallback:           sshPublicKey,
		VerifiedPublicKeyCallback:   sshVerifiedKey,
	}
	if banner := p.device.SSH.Banner; banner != "" {
		conf.BannerCallback = func(ssh.ConnMetadata) string { return banner }
	}
	for _, k := range keys {
		conf.AddHostKey(k)
	}
	p.config.Store(conf)
}
