package xmlrpc

import (
	"fmt"
	"strings"
	"testing"
)

func scan(doc string, step int) (logins string, calls int) {
	var s Scanner
	for at := 0; at < len(doc); at += step {
		s.Feed([]byte(doc[at:min(at+step, len(doc))]), func(user, pass []byte) {
			logins += fmt.Sprintf("%s:%s ", user, pass)
		})
	}
	return strings.TrimSuffix(logins, " "), s.Calls()
}

const call = "<?xml version=\"1.0\"?>\n<methodCall>\n <methodName>%s</methodName>\n <params>%s</params></methodCall>"

func params(p ...string) (s string) {
	for _, v := range p {
		s += "<param><value>" + v + "</value></param>\n"
	}
	return s
}

// multi is a system.multicall as the tools write it.
func multi(pairs ...string) string {
	var b strings.Builder
	b.WriteString("<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>")
	for _, p := range pairs {
		user, pass, _ := strings.Cut(p, ":")
		fmt.Fprintf(&b, "<value><struct><member><name>methodName</name><value><string>wp.getUsersBlogs</string></value></member>"+
			"<member><name>params</name><value><array><data><value><array><data><value><string>%s</string></value><value><string>%s</string></value>"+
			"</data></array></value></data></array></value></member></struct></value>", user, pass)
	}
	return b.String() + "</data></array></value></param></params></methodCall>"
}

func TestScanner(t *testing.T) {
	for _, c := range []struct {
		name, doc, want string
		calls           int
	}{
		{"nothing", "", "", 0},
		{"no XML", "a=b&c=d", "", 0},
		{"unclosed tags", "<<<<value<value>", "", 0},
		{"another method", fmt.Sprintf(call, "evil", params("a", "b")), "", 0},
		{"no parameters", fmt.Sprintf(call, "system.listMethods", ""), "", 1},
		{"a pingback", fmt.Sprintf(call, "pingback.ping", params("<string>http://a</string>", "<string>http://b</string>")), "", 1},
		{"cut off", "<methodName>wp.getUsersBlogs</methodName><value>admin</value><value>pa", "", 1},
		{"a tag without end", "<methodName>wp.getUsersBlogs</methodName><" + strings.Repeat("x", 1000), "", 1},
		{"plain values", fmt.Sprintf(call, "wp.getUsersBlogs", params("admin", "123")), "admin:123", 1},
		{"strings", fmt.Sprintf(call, "wp.getUsersBlogs", params("<string>admin</string>", "<string>1 2</string>")), "admin:1 2", 1},
		{"blanks around a type", fmt.Sprintf(call, "wp.getUsersBlogs", params("\n <string>u</string>\n ", " <string>p</string> ")), "u:p", 1},
		{"entities", fmt.Sprintf(call, "wp.getUsersBlogs", params("a&amp;b", "&lt;&#1;&x")), "a&b:<&#1;&x", 1},
		{"empty password", fmt.Sprintf(call, "wp.getUsersBlogs", params("admin", "<string/>")), "admin:", 1},
		{"empty password, another way", fmt.Sprintf(call, "wp.getUsersBlogs", params("admin", "<string></string>")), "admin:", 1},
		{"attributes", "<methodName a='b'>wp.getUsersBlogs</methodName><value x=\"1\">u</value><value >p</value>", "u:p", 1},
		{"a number before", fmt.Sprintf(call, "wp.getAuthors", params("<int>1</int>", "u", "p")), "u:p", 1},
		{"blogger", fmt.Sprintf(call, "blogger.deletePost", params("key", "5", "u", "p")), "u:p", 1},
		{"metaWeblog", fmt.Sprintf(call, "metaWeblog.getUsersBlogs", params("", "u", "p")), "u:p", 1},
		{"long", fmt.Sprintf(call, "wp.getUsersBlogs", params("u", strings.Repeat("p", 1000))), "u:" + strings.Repeat("p", maxText), 1},
		{"many", multi("a:1", "b:2", "c:&quot;"), "a:1 b:2 c:\"", 4},
	} {
		for _, step := range []int{1, 3, 1 << 20} {
			if got, calls := scan(c.doc, step); got != c.want || calls != c.calls {
				t.Errorf("%s: %q and %d calls, want %q and %d", c.name, got, calls, c.want, c.calls)
			}
		}
	}
}

func TestThousands(t *testing.T) {
	var pairs []string
	for i := range 2000 {
		pairs = append(pairs, fmt.Sprintf("admin:%d", i))
	}
	if got, _ := scan(multi(pairs...), 100); got != strings.Join(pairs, " ") {
		t.Error("not the same logins")
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(multi("a:b", "c:d"), 1)
	f.Add(fmt.Sprintf(call, "wp.getAuthors", params("<int>1</int>", "u", "p&amp;")), 7)
	f.Fuzz(func(t *testing.T, doc string, step int) {
		if step < 1 {
			return
		}
		a, n := scan(doc, min(step, len(doc)+1))
		b, m := scan(doc, len(doc)+1)
		if a != b || n != m {
			t.Errorf("in steps %q %d, at once %q %d", a, n, b, m)
		}
	})
}
