package persona

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Persona is one device. It is never changed and safe for many goroutines.
type Persona struct {
	Name     string // of the template
	Vendor   string
	Model    string
	Firmware string // its version
	Serial   string
	Hostname string
	MAC      string // lower case, with colons: of the LAN side
	Address  netip.Addr
	Gateway  netip.Addr

	Kernel        string // uname -r
	KernelVersion string // uname -v
	Machine       string // uname -m
	BusyBox       string // "1.19.4"; empty: coreutils and bash
	BusyBoxDate   string
	Bash          bool // the shell is bash

	Telnet Telnet
	SSH    SSH
	HTTP   HTTP
	TLS    TLS
	ADB    string // the banner of CNXN; empty: not an Android device
	FTP    string // the greeting behind "220 "
	UPnP   string // the Server header of UPnP and SSDP
	SMTP   string // the greeting behind "220 "; may be empty

	t      *Template
	nodeID uint64
}

// Telnet is what the telnet pot shows.
type Telnet struct {
	Banner    string // before the login prompt, CR LF included
	Login     string // "tplink login: "
	Password  string // "Password: "
	Incorrect string // "Login incorrect"
	Motd      string // behind a good login
	Negotiate string // whose option negotiation: "busybox" or "linux"
}

// SSH is what the SSH pot shows.
type SSH struct {
	Version string // "SSH-2.0-dropbear_2012.55"
	Banner  string // before the login, RFC 4252 section 5.4; mostly empty
	KeyType string // types of host key, by commas: "rsa,ed25519"
}

// HTTP is what the web pots show.
type HTTP struct {
	Server string // header
	Realm  string // of WWW-Authenticate
	Auth   string // how the device takes credentials: "basic", "digest" or "form"
	Title  string
	Extra  string // more header lines of every answer, each with CR LF

	Login   string // the login page, whole HTML
	Path    string // where the login page is, if not at "/"
	Action  string // where its form posts to
	User    string // form field of the user name; empty: the device has one user
	Pass    string // form field of the password
	Refused string // the body of a refused login; empty: the login page again
	Missing string // the body of a 404
}

// TLS is the subject of the self-signed certificate.
type TLS struct {
	CommonName string
	Org        string
	Unit       string
	Country    string
	State      string
	City       string
	Years      int // how long it is valid
	Start      time.Time
}

// For returns the device of this model that a node is. The same id gives the
// same device, today and after a restart.
func (t *Template) For(nodeID uint64) *Persona {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || t.last.nodeID != nodeID {
		t.last = t.make(nodeID)
	}
	return t.last
}

func (t *Template) make(nodeID uint64) *Persona {
	p := &Persona{t: t, nodeID: nodeID, Name: t.Name}
	p.Vendor, p.Model, p.Firmware = p.Get("vendor"), p.Get("model"), p.Get("firmware")
	p.Serial, p.Hostname, p.MAC = p.Get("serial"), p.Get("hostname"), p.Get("mac")
	p.Address, p.Gateway = p.addr("ip"), p.addr("gateway")
	p.Kernel, p.KernelVersion, p.Machine = p.Get("kernel"), p.Get("kernel.version"), p.Get("machine")
	p.BusyBox, p.BusyBoxDate = p.Get("busybox"), p.Get("busybox.date")
	p.Bash = p.Get("shell") == "bash"
	p.Telnet = Telnet{p.Get("telnet.banner"), p.Get("telnet.login"), p.or("telnet.password", "Password: "),
		p.or("telnet.incorrect", "Login incorrect"), p.Get("telnet.motd"), p.or("telnet.negotiate", "busybox")}
	p.SSH = SSH{p.Get("ssh.version"), p.Get("ssh.banner"), p.or("ssh.keys", "rsa")}
	p.HTTP = HTTP{
		Server: p.Get("http.server"), Realm: p.Get("http.realm"), Auth: p.or("http.auth", "form"),
		Title: p.Get("http.title"), Extra: p.Get("http.extra"),
		Login: p.Get("http.login"), Path: p.or("http.path", "/"), Action: p.or("http.action", "/"),
		User: p.Get("http.user"), Pass: p.Get("http.pass"),
		Refused: p.Get("http.refused"), Missing: p.Get("http.missing"),
	}
	p.TLS = p.tls()
	p.ADB, p.FTP, p.UPnP, p.SMTP = p.Get("adb"), p.Get("ftp"), p.Get("upnp"), p.Get("smtp")
	return p
}

func (p *Persona) tls() TLS {
	years, _ := strconv.Atoi(p.or("tls.years", "10"))
	start, _ := time.Parse(time.DateOnly, p.or("tls.start", "2014-01-01"))
	return TLS{p.Get("tls.cn"), p.Get("tls.org"), p.Get("tls.unit"), p.Get("tls.country"),
		p.Get("tls.state"), p.Get("tls.city"), max(years, 1), start}
}

func (p *Persona) or(key, def string) string {
	if _, ok := p.t.values[key]; !ok {
		return def
	}
	return p.Get(key)
}

func (p *Persona) addr(key string) netip.Addr {
	a, _ := netip.ParseAddr(p.Get(key)) // Parse checked it
	return a
}

// User is an account of the device, from its /etc/passwd.
type User struct {
	Name, Home, Shell string
	UID, GID          int
}

// User returns the account of a name. A name that the device does not have
// gets root's: a pot that lets it in has to be somebody.
func (p *Persona) User(name string) User {
	root := User{Name: name, Home: "/root", Shell: "/bin/sh"}
	n := p.t.files["/etc/passwd"]
	if n == nil {
		return root
	}
	for line := range strings.Lines(p.Expand(n.Body, time.Time{})) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) != 7 {
			continue
		}
		uid, _ := strconv.Atoi(f[2])
		gid, _ := strconv.Atoi(f[3])
		u := User{Name: f[0], Home: f[5], Shell: f[6], UID: uid, GID: gid}
		if u.Name == name {
			return u
		}
		if uid == 0 {
			root.Home, root.Shell = u.Home, u.Shell
		}
	}
	return root
}
