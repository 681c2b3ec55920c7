// Package httpform finds a user name and a password in what a web form sends:
// urlencoded, multipart, JSON or XML, told by the bytes themselves, since what
// Content-Type says is often wrong.
//
// It knows the field names that devices and web programs use. It never does
// I/O, never panics on a peer's bytes, and takes a cut-off body as far as it
// goes. Limits: MaxValue.
package httpform

import "bytes"

// What we chose.
const (
	// MaxValue is the longest user name or password in bytes; of a longer
	// one the start is returned.
	MaxValue = 1024
	maxName  = 64 // bytes of a field's name; longer ones are none of ours
)

// Login is a user and a password, with the memory they stand in. The zero
// value is ready; use it again to save allocations.
type Login struct {
	user, pass         []byte
	userRank, passRank int
	value              []byte // the value that is looked at
}

// Find reads a body or a query, and tells whether there is a password in it.
func (l *Login) Find(body []byte) bool {
	l.user, l.pass, l.userRank, l.passRank = l.user[:0], l.pass[:0], 0, 0
	text := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(text) == 0:
		return false
	case text[0] == '{' || text[0] == '[':
		l.json(text)
	case text[0] == '<':
		l.xml(text)
	case bytes.HasPrefix(text, []byte("--")):
		l.multipart(text)
	default:
		l.urlencoded(text)
	}
	return l.passRank > 0 && len(l.user)+len(l.pass) > 0
}

// User and Password are what Find found; they are good until the next Find.
func (l *Login) User() []byte { return l.user }

// Password is empty when the form had it empty.
func (l *Login) Password() []byte { return l.pass }

// field takes a field whose value stands in l.value.
func (l *Login) field(name []byte) {
	if len(name) > maxName {
		return
	}
	var low [maxName]byte
	n := normal(low[:0], name)
	if r := rankOf(n, passNames[:]); r > l.passRank {
		l.passRank, l.pass = r, append(l.pass[:0], l.value...)
	} else if r := rankOf(n, userNames[:]); r > l.userRank && !bytes.HasSuffix(n, []byte("pass")) {
		l.userRank, l.user = r, append(l.user[:0], l.value...)
	}
}

// add appends a byte of the value.
func (l *Login) add(c byte) {
	if len(l.value) < MaxValue {
		l.value = append(l.value, c)
	}
}

// normal makes names comparable: letters in lower case and digits; of
// "user[login]" the last word.
func normal(dst, name []byte) []byte {
	if n := len(name); n > 1 && name[n-1] == ']' {
		if i := bytes.LastIndexByte(name, '['); i >= 0 && i < n-2 {
			name = name[i+1 : n-1]
		}
	}
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			dst = append(dst, c)
		}
	}
	return dst
}

// pattern is a field name, or how some end.
type pattern struct {
	name   string
	suffix bool
	rank   int // the highest wins, then the first
}

// The names of routers, cameras, WordPress, phpMyAdmin, Tomcat, Joomla,
// Drupal, LuCI, Grafana and so on. Frm_Username, pma_username and
// login_username all end in username.
var (
	passNames = [...]pattern{
		{"password", true, 3}, {"passwd", true, 3}, {"pwd", true, 3}, {"psd", false, 3}, {"pass", true, 3},
		{"psw", true, 2}, {"passwort", true, 2}, {"passcode", true, 2}, {"userpw", true, 2}, {"pw", false, 2},
		{"password1", true, 2}, {"encpassword", true, 2}, {"passwordmd5", false, 2}, {"logpwd", false, 3},
	}
	userNames = [...]pattern{
		{"username", true, 5}, {"log", false, 5}, {"user", true, 4}, {"uname", true, 4}, {"userid", true, 4},
		{"usr", true, 4}, {"usrname", true, 4}, {"loginname", true, 4}, {"loginid", true, 4}, {"authname", true, 4},
		{"adminname", true, 4}, {"email", true, 3}, {"account", true, 3}, {"username1", true, 3}, {"userlogin", true, 4},
		{"login", false, 2}, {"name", false, 1}, {"admin", false, 1}, {"id", false, 1},
	}
)

func rankOf(name []byte, list []pattern) int {
	best := 0
	for i := range list {
		p := &list[i]
		if p.rank > best && len(name) >= len(p.name) &&
			(string(name) == p.name || p.suffix && string(name[len(name)-len(p.name):]) == p.name) {
			best = p.rank
		}
	}
	return best
}
