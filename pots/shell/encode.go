package shell

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

func init() { register(encodeCommands) }

var encodeCommands = []command{
	{name: "base64", run: base64Command}, {name: "md5sum", run: sum}, {name: "sha1sum", run: sum}, {name: "sha256sum", run: sum}, {name: "sha512sum", run: sum},
	{name: "hexdump", run: hexdump}, {name: "od", run: hexdump}, {name: "xxd", run: xxd},
	{name: "gzip", run: succeed}, {name: "gunzip", run: unpack}, {name: "zcat", run: unpack}, {name: "bunzip2", run: unpack}, {name: "unzip", run: unpack}, {name: "uudecode", run: succeed},
	{name: "openssl", run: openssl},
}

func base64Command(p *proc) int {
	decode := false
	var files []string
	for _, a := range p.args {
		switch {
		case a == "-d" || a == "-D" || a == "--decode" || a == "-di" || a == "-id":
			decode = true
		case !strings.HasPrefix(a, "-") || a == "-":
			files = append(files, a)
		}
	}
	return p.inputs(files, func(_ string, data []byte) bool {
		if decode {
			out, ok := decodeBase64(data)
			p.write(out)
			if !ok {
				p.fail("invalid input")
			}
			return true
		}
		text := base64.StdEncoding.EncodeToString(data)
		for len(text) > 76 {
			if !p.print(text[:76] + "\n") {
				return false
			}
			text = text[76:]
		}
		return p.print(text + "\n")
	})
}

// decodeBase64 decodes what it can.
func decodeBase64(data []byte) ([]byte, bool) {
	clean := make([]byte, 0, len(data))
	for _, c := range data {
		if c > ' ' && c != '=' {
			clean = append(clean, c)
		}
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	return out[:n], err == nil
}

func sum(p *proc) int {
	_, files := p.flags("")
	return p.inputs(files, func(name string, data []byte) bool {
		var digest []byte
		switch p.name {
		case "md5sum":
			d := md5.Sum(data)
			digest = d[:]
		case "sha1sum":
			d := sha1.Sum(data)
			digest = d[:]
		case "sha512sum":
			d := sha512.Sum512(data)
			digest = d[:]
		default:
			d := sha256.Sum256(data)
			digest = d[:]
		}
		return p.work(len(data)) && p.print(hex.EncodeToString(digest)+"  "+name+"\n")
	})
}

// hexdump prints as hexdump -C, or as od and hexdump do without options.
func hexdump(p *proc) int {
	set, files := p.flags("nsteA")
	most := -1
	if v, ok := set['n']; ok {
		most, _ = atoi(v)
	}
	return p.inputs(files, func(_ string, data []byte) bool {
		if most >= 0 {
			data = data[:min(most, len(data))]
		}
		for at := 0; at < len(data); at += 16 {
			row := data[at:min(at+16, len(data))]
			if !p.print(hexRow(at, row, has(set, "C"))) {
				return false
			}
		}
		return p.printf("%0*x\n", 7+b2i(has(set, "C")), len(data))
	})
}

func hexRow(at int, row []byte, canonical bool) string {
	var b strings.Builder
	if !canonical {
		fmt.Fprintf(&b, "%07x", at)
		for i := 0; i < len(row); i += 2 {
			v := uint16(row[i])
			if i+1 < len(row) {
				v |= uint16(row[i+1]) << 8
			}
			fmt.Fprintf(&b, " %04x", v)
		}
		return b.String() + "\n"
	}
	fmt.Fprintf(&b, "%08x ", at)
	for i := range 16 {
		if i%8 == 0 {
			b.WriteByte(' ')
		}
		if i < len(row) {
			fmt.Fprintf(&b, "%02x ", row[i])
		} else {
			b.WriteString("   ")
		}
	}
	b.WriteString(" |")
	for _, c := range row {
		b.WriteByte(printable(c))
	}
	return b.String() + "|\n"
}

func printable(c byte) byte {
	if c < ' ' || c > '~' {
		return '.'
	}
	return c
}

func xxd(p *proc) int {
	set, files := p.flags("lsc")
	return p.inputs(files, func(_ string, data []byte) bool {
		if v, ok := set['l']; ok {
			n, _ := atoi(v)
			data = data[:min(max(n, 0), len(data))]
		}
		if has(set, "r") {
			return true
		}
		if has(set, "p") {
			for text := hex.EncodeToString(data); text != ""; {
				n := min(60, len(text))
				if !p.print(text[:n] + "\n") {
					return false
				}
				text = text[n:]
			}
			return true
		}
		for at := 0; at < len(data); at += 16 {
			var b strings.Builder
			row := data[at:min(at+16, len(data))]
			fmt.Fprintf(&b, "%08x:", at)
			for i := range 16 {
				if i%2 == 0 {
					b.WriteByte(' ')
				}
				if i < len(row) {
					fmt.Fprintf(&b, "%02x", row[i])
				} else {
					b.WriteString("  ")
				}
			}
			b.WriteString("  ")
			for _, c := range row {
				b.WriteByte(printable(c))
			}
			if !p.print(b.String() + "\n") {
				return false
			}
		}
		return true
	})
}

// unpack fails as on a file that is no archive; a file of the session's is
// recorded.
func unpack(p *proc) int {
	for _, a := range p.args {
		if f, err := p.fs.walk(a, true); err == nil && f.isOwn() {
			p.tellUpload(f.path, f.e, "unpacked")
		}
	}
	return p.fail("invalid magic")
}

// openssl knows base64 -d, which droppers use where base64 is missing.
func openssl(p *proc) int {
	if len(p.args) > 1 && (p.args[0] == "base64" || p.args[0] == "enc") && strings.Contains(strings.Join(p.args, " "), "-d") {
		out, _ := decodeBase64(p.in.all())
		p.write(out)
	}
	return 0
}
