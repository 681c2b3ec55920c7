package clienttest

import (
	"regexp"
	"strings"
	"testing"
)

// scanned are the pots that nmap knows servers of.
var scanned = []string{"ssh id=ssh", "telnet id=telnet", "http id=http", "https id=https"}

// TestNmap: service detection names each persona's servers, and nothing that
// nmap's scripts find speaks of a honeypot.
func TestNmap(t *testing.T) {
	t.Parallel()
	for persona, products := range map[string][4]string{
		"router": {"Dropbear sshd 2012.55", "BusyBox telnetd", "TP-LINK WR841N WAP http config", "TP-LINK WR841N WAP http config"},
		"camera": {"Dropbear sshd 0.52", "BusyBox telnetd", "uc-httpd 1.0.0", "uc-httpd 1.0.0"},
		"nas":    {"OpenSSH 7.6", "BusyBox telnetd", "QNAP NAS http config", "QNAP NAS http config"},
		"ubuntu": {"OpenSSH 8.2p1 Ubuntu", "Linux telnetd", "Apache httpd 2.4.41 ((Ubuntu))", "Apache httpd 2.4.41 ((Ubuntu))"},
	} {
		t.Run(persona, func(t *testing.T) {
			t.Parallel()
			h := open(t, persona, scanned...)
			out := h.nmap()
			for i, pot := range []string{"ssh", "telnet", "http", "https"} {
				service := strings.Replace(pot, "https", "ssl/http", 1)
				if want := h.ports[pot] + "/tcp open " + service + " " + products[i]; !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if telltale.MatchString(out) {
				t.Errorf("it gives itself away:\n%s", out)
			}
		})
	}
}

// telltale is what would name us.
var telltale = regexp.MustCompile(`(?i)honey|forager|cowrie|golang|go-http|x/crypto`)

// nmap has all its scripts look at the pots.
func (h *house) nmap() string {
	h.t.Helper()
	ports := []string{h.ports["ssh"], h.ports["telnet"], h.ports["http"], h.ports["https"]}
	out, _ := h.run("", "nmap", "-n", "-Pn", "-A", "-p", strings.Join(ports, ","), "127.0.0.1")
	return out
}

// TestTwoNodes: nodes of one persona are two devices, not one.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	keys := regexp.MustCompile(`(?m)[0-9a-f]{32} \((?:RSA|ECDSA|ED25519|DSA)\)`)
	seen := map[string]bool{}
	hosts := map[string]bool{}
	for _, id := range []string{"42", "43"} {
		h := openAs(t, id, "ubuntu", scanned...)
		out := h.nmap()
		found := keys.FindAllString(out, -1)
		if len(found) < 2 { // an RSA key may take longer to make
			t.Errorf("host keys %q in\n%s", found, out)
		}
		for _, key := range found {
			if seen[key] {
				t.Errorf("both have the key %s", key)
			}
			seen[key] = true
		}
		name := regexp.MustCompile(`commonName=\S+`).FindString(out)
		if name == "" || hosts[name] {
			t.Errorf("name %q, before %v", name, hosts)
		}
		hosts[name] = true
	}
}
