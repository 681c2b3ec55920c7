package shell

import (
	"path"
	"strings"
)

// fetches reads a downloader's arguments; nothing for other commands.
func fetches(name string, args []string) []fetch {
	switch name {
	case "wget", "curl", "lwp-download", "GET", "fetch", "aria2c", "axel", "lynx", "git":
		return webFetches(name, args)
	case "tftp":
		return tftpFetches(args)
	case "ftpget", "ftpput":
		return ftpFetches(name, args)
	case "nc", "netcat", "ncat", "telnet":
		return socketFetches(args)
	}
	return nil
}

// webArgs is what wget, curl and their like were told.
type webArgs struct {
	name     string
	args     []string
	out, dir string
	remote   bool // stored under the address's own name
	quiet    bool
	urls     []string
}

// webFetches reads wget and curl.
func webFetches(name string, args []string) (list []fetch) {
	w := webArgs{name: name, args: args, remote: name != "curl"}
	for len(w.args) > 0 {
		switch a := w.next(); {
		case strings.HasPrefix(a, "--"):
			w.long(a)
		case len(a) > 1 && a[0] == '-':
			w.short(a)
		case name == "git" && (a == "clone" || a == "pull"):
		default:
			w.urls = append(w.urls, a)
		}
	}
	for _, u := range w.urls {
		if f := w.fetch(u); f.host != "" {
			list = append(list, f)
		}
	}
	return list
}

// next takes the next argument, "" at the end.
func (w *webArgs) next() (a string) {
	if len(w.args) > 0 {
		a, w.args = w.args[0], w.args[1:]
	}
	return a
}

// long reads an option like --output=FILE.
func (w *webArgs) long(a string) {
	key, value, ok := strings.Cut(a, "=")
	if !ok && webLong(key) {
		value = w.next()
	}
	switch key {
	case "--output-document", "--output", "--out":
		w.out = value
	case "--directory-prefix", "--dir", "--output-dir":
		w.dir = value
	case "--remote-name":
		w.remote = true
	case "--url":
		w.urls = append(w.urls, value)
	}
}

// short reads options like -qO FILE.
func (w *webArgs) short(a string) {
	curl := w.name == "curl"
	values := wgetValues
	if curl {
		values = curlValues
	}
	for j := 1; j < len(a); j++ {
		c := a[j]
		w.remote = w.remote || curl && c == 'O'
		w.quiet = w.quiet || c == 'q' && !curl || c == 's' && curl
		if strings.IndexByte(values, c) < 0 {
			continue
		}
		v := a[j+1:]
		if v == "" {
			v = w.next()
		}
		switch {
		case c == 'O', c == 'o' && (curl || w.name == "axel"):
			w.out = v
		case c == 'P' && !curl:
			w.dir = v
		}
		return
	}
}

// webLong tells whether a long option takes its value from the next word.
func webLong(key string) bool {
	switch key {
	case "--output", "--user-agent", "--header", "--data", "--request", "--connect-timeout", "--max-time", "--retry", "--user", "--url",
		"--output-document", "--directory-prefix", "--tries", "--timeout", "--proxy", "--referer", "--cookie", "--limit-rate", "--post-data", "--output-dir":
		return true
	}
	return false
}

// webURL writes an address as one: those without a scheme are HTTP.
func webURL(u string) string {
	if strings.Contains(u, "://") {
		return u
	}
	return "http://" + u
}

// hostOf returns the host of an address, without port and user.
func hostOf(u string) string {
	if _, rest, ok := strings.Cut(u, "://"); ok {
		u = rest
	}
	if i := strings.IndexAny(u, "/?#"); i >= 0 {
		u = u[:i]
	}
	if i := strings.LastIndexByte(u, '@'); i >= 0 {
		u = u[i+1:]
	}
	if strings.HasPrefix(u, "[") {
		host, _, _ := strings.Cut(u[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(u, ":")
	return host
}

// portOf is the port of an address, or its scheme's.
func portOf(u string) string {
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		rest = u
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		return rest[i+1:]
	}
	if scheme == "https" {
		return "443"
	}
	if scheme == "ftp" {
		return "21"
	}
	return "80"
}

// remoteName is the file that a download is stored under.
func remoteName(u string) string {
	if _, rest, ok := strings.Cut(u, "://"); ok {
		u = rest
	}
	u, _, _ = strings.Cut(u, "?")
	i := strings.LastIndexByte(u, '/')
	if i < 0 || i == len(u)-1 {
		return "index.html"
	}
	return u[i+1:]
}

// tftpFetches reads BusyBox's "-g -l LOCAL -r REMOTE HOST [PORT]" and the
// client's "HOST -c get REMOTE [LOCAL]".
func tftpFetches(args []string) []fetch {
	var f fetch
	var rest []string
	remote := ""
	for i := 0; i < len(args); i++ {
		a := args[i]
		value := func() string {
			if len(a) > 2 {
				return a[2:]
			}
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch {
		case a == "-c" || strings.HasSuffix(a, "c") && len(a) == 3 && a[0] == '-':
			if i+2 < len(args) && (args[i+1] == "get" || args[i+1] == "put") {
				remote = args[i+2]
				if i += 2; i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
					i++
					f.file = args[i]
				}
			}
		case strings.HasPrefix(a, "-l"):
			f.file = value()
		case strings.HasPrefix(a, "-r"):
			remote = value()
		case strings.HasPrefix(a, "-b"):
			value()
		case strings.HasPrefix(a, "-"):
		case a == "get" && i+1 < len(args):
			i++
			remote = args[i]
		default:
			rest = append(rest, a)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	f.host = rest[0]
	at := f.host
	if len(rest) > 1 {
		at += ":" + rest[1]
	}
	if f.file == "" {
		f.file = path.Base("/" + remote)
	}
	f.url = "tftp://" + at + "/" + strings.TrimPrefix(remote, "/")
	return []fetch{f}
}

// ftpFetches reads ftpget and ftpput: [-u USER] [-p PASS] [-P PORT] HOST [LOCAL] REMOTE.
func ftpFetches(name string, args []string) []fetch {
	user, pass, port := "", "", ""
	var rest []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' || strings.IndexByte("upP", a[1]) < 0 {
			if !strings.HasPrefix(a, "-") {
				rest = append(rest, a)
			}
			continue
		}
		v := a[2:]
		if v == "" && i+1 < len(args) {
			i++
			v = args[i]
		}
		switch a[1] {
		case 'u':
			user = v
		case 'p':
			pass = v
		default:
			port = ":" + v
		}
	}
	if len(rest) == 0 {
		return nil
	}
	f := fetch{host: rest[0]}
	remote := ""
	if len(rest) > 1 {
		f.file, remote = rest[1], rest[len(rest)-1]
	}
	if name == "ftpput" && len(rest) > 1 {
		remote = rest[1]
		f.file = rest[len(rest)-1]
	}
	login := ""
	if user != "" {
		if login = user; pass != "" {
			login += ":" + pass
		}
		login += "@"
	}
	f.url = "ftp://" + login + f.host + port + "/" + strings.TrimPrefix(remote, "/")
	return []fetch{f}
}

// socketFetches reads nc and telnet: HOST PORT.
func socketFetches(args []string) []fetch {
	var rest []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "-") {
			if last := a[len(a)-1]; strings.IndexByte("wpeciqsXxf", last) >= 0 {
				i++
			}
			if strings.Contains(a, "l") {
				return nil // it listens
			}
			continue
		}
		rest = append(rest, a)
	}
	if len(rest) < 1 || len(rest) < 2 && !strings.Contains(rest[0], ".") {
		return nil
	}
	port := "23"
	if len(rest) > 1 {
		port = rest[1]
	}
	return []fetch{{host: rest[0], url: "tcp://" + rest[0] + ":" + port}}
}
