// Package payload pulls the addresses out of what attackers inject: the URLs
// that their droppers would be fetched from.
//
// It reads text, not shell: URLs as such, and what stands behind wget, curl,
// tftp and ftpget. It never executes, resolves or fetches anything, and never
// panics on a peer's bytes. Limits beside their declarations.
package payload

import "bytes"

// Limits, what we chose.
const (
	// MaxURLs is how many addresses one Finder gives out.
	MaxURLs = 16
	// MaxURL is the longest address in bytes.
	MaxURL = 1024
	// maxPlain is how many bytes of decoded text are searched.
	maxPlain = 16 << 10
)

// Finder collects addresses, each once. The zero value is ready; Reset makes
// it so again.
type Finder struct {
	plain []byte // the text that is searched
	found []byte // the addresses, one behind the other
	ends  []int
	line  command
}

// Reset forgets what was found, and gives large buffers back.
func (f *Finder) Reset() {
	f.found, f.ends = f.found[:0], f.ends[:0]
	if cap(f.plain) > 2<<10 {
		f.plain = nil
	}
}

// Len is how many addresses were found.
func (f *Finder) Len() int { return len(f.ends) }

// URL returns address i. It is good until the next Add or Reset.
func (f *Finder) URL(i int) []byte {
	start := 0
	if i > 0 {
		start = f.ends[i-1]
	}
	return f.found[start:f.ends[i]]
}

// Add searches text: for URLs and for commands that fetch.
func (f *Finder) Add(text []byte) { f.search(text, true) }

// AddCommands searches text for commands that fetch alone. It is for where
// URLs stand without being an attack, such as the header.
func (f *Finder) AddCommands(text []byte) { f.search(text, false) }

func (f *Finder) search(text []byte, urls bool) {
	if !worth(text) {
		return
	}
	f.plain = appendPlain(f.plain[:0], text)
	if urls || bytes.Contains(f.plain, []byte("jndi:")) {
		f.urls(f.plain)
	}
	f.commands(f.plain)
	f.base64(text)
}

// worth tells whether there can be anything in text, so that most requests
// cost one look.
func worth(text []byte) bool {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ':' || c == '%' || c == '$' || c == '\\' || c == '&':
			return true
		case (c == 'w' || c == 'c' || c == 't' || c == 'f' || c == 'b') && begins(text[i:]):
			return true
		}
		i++
	}
	return false
}

func begins(b []byte) bool {
	for _, w := range &words {
		if bytes.HasPrefix(b, []byte(w)) {
			return true
		}
	}
	return bytes.HasPrefix(b, []byte("base64"))
}

// add keeps an address, if it is new.
func (f *Finder) add(parts ...[]byte) {
	start := len(f.found)
	for _, p := range parts {
		f.found = append(f.found, p...)
	}
	url := f.found[start:]
	known := len(f.ends) == MaxURLs || len(url) > MaxURL
	for i := 0; i < len(f.ends) && !known; i++ {
		known = bytes.Equal(f.URL(i), url)
	}
	if known {
		f.found = f.found[:start]
		return
	}
	f.ends = append(f.ends, len(f.found))
}

// schemes are those that payloads come by.
var schemes = [...]string{"http", "https", "ftp", "tftp", "ftps", "sftp", "ldap", "ldaps", "rmi", "dns", "iiop", "smb", "gopher"}

// urls finds scheme://… in text.
func (f *Finder) urls(text []byte) {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("://"))
		if i < 0 {
			return
		}
		colon := at + i
		at = colon + 3
		start := colon
		for start > 0 && colon-start < 8 && letter(text[start-1]) {
			start--
		}
		end := at + addressEnd(text[at:])
		if known(text[start:colon]) && end > at && !declares(text[:start]) {
			f.add(bytes.TrimRight(text[start:end], ".,:"))
		}
		at = end
	}
}

func known(scheme []byte) bool {
	for _, s := range &schemes {
		if string(scheme) == s || len(scheme) == len(s) && bytes.EqualFold(scheme, []byte(s)) {
			return true
		}
	}
	return false
}

// declares tells whether an address behind before only names an XML namespace,
// a document type or an action: xmlns:s="…, encodingStyle="…, DTD … "….
func declares(before []byte) bool {
	before = bytes.TrimRight(before, "\"'\\")
	line := before[max(0, len(before)-48):]
	if bytes.HasSuffix(line, []byte("encodingStyle=")) || bytes.HasSuffix(line, []byte("schemaLocation=")) {
		return true
	}
	i := bytes.LastIndexByte(line, ' ')
	word := line[i+1:]
	return bytes.HasPrefix(word, []byte("xmlns")) || i >= 0 && bytes.Contains(line, []byte("//DTD")) && len(word) <= 1
}

// addressEnd returns where an address ends that begins at text.
func addressEnd(text []byte) int {
	for i, c := range text {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte("\"'`<>;|&(){}\\^"), c) >= 0 {
			return i
		}
	}
	return len(text)
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
