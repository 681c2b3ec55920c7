package httpform

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing", "", "-"},
		{"no form", "hello", "-"},
		{"no password", "username=admin&lang=en", "-"},
		{"both empty", "username=&password=", "-"},
		{"names without values", "username&password", "-"},
		{"a name too long", strings.Repeat("x", 300) + "password=1", "-"},
		{"JSON cut off in a name", `{"user`, "-"},
		{"JSON cut off behind a name", `{"password":`, "-"},
		{"JSON object as password", `{"password":{"a":1}}`, "-"},
		{"multipart without an end", "--x\r\nContent-Disposition: form-data; name=\"password\"", "-"},
		{"XML without an end", "<Password", "-"},

		{"plain", "username=admin&password=1234", "admin|1234"},
		{"only a password", "pwd=1234&x=y", "|1234"},
		{"empty password", "user=root&pass=", "root|"},
		{"escapes", "user=a%40b+c&pass=%26%3d%zz%4", "a@b c|&=%zz%4"},
		{"not UTF-8", "user=%ff&pass=\xfe", "\xff|\xfe"},
		{"newline behind", "user=a&pass=b\r\n", "a|b"},
		{"an escaped name", "user%5Bname%5D=a&user%5Bpassword%5D=b", "a|b"},
		{"WordPress", "log=admin&pwd=pass&wp-submit=Log+In&redirect_to=x", "admin|pass"},
		{"boa", "challenge=&username=user&password=user&save=Login&submit-url=%2Fadmin", "user|user"},
		{"boa, short", "username=adminisp&psd=adminisp", "adminisp|adminisp"},
		{"D-Link", "ACTION_POST=LOGIN&LOGIN_USER=admin&LOGIN_PASSWD=x&login=Log+In", "admin|x"},
		{"ZTE", "frashnum=&action=login&Frm_Logintoken=4&Username=root&Password=Zte521", "root|Zte521"},
		{"ZTE, older", "Frm_Username=a&Frm_Password=b", "a|b"},
		{"LuCI", "luci_username=root&luci_password=x", "root|x"},
		{"phpMyAdmin", "pma_username=root&pma_password=&server=1", "root|"},
		{"Tomcat", "j_username=tomcat&j_password=s3cret", "tomcat|s3cret"},
		{"Drupal", "name=a&pass=b&form_id=user_login", "a|b"},
		{"login is a button", "login=Login&username=u&password=p", "u|p"},
		{"login is the user", "login=u&password=p&submit=Login", "u|p"},
		{"ZyXEL", "AuthName=admin&AuthPassword=1234", "admin|1234"},
		{"Rails", "session[email]=a@b&session[password]=c", "a@b|c"},
		{"mail", "user_email=a%40b&user_pass=c", "a@b|c"},

		{"JSON", `{"user":"a","password":"b"}`, "a|b"},
		{"JSON, nested", ` [{"method":"do","login":{"username" : "a\u00e9\"", "password":"b\/\n"}}]`, "a\u00e9\"|b/\n"},
		{"JSON, a number", `{"username":"admin","password":12345}`, "admin|12345"},
		{"JSON, cut off", `{"username":"admin","password":"123`, "admin|123"},
		{"XML", "<?xml version=\"1.0\"?><s:Envelope><Login xmlns=\"x\"><Action>login</Action><Username>Admin</Username><LoginPassword>p</LoginPassword></Login>", "Admin|p"},
		{"XML, empty password", "<a><username>u</username><password></password></a>", "u|"},
		{"XML with a prefix", "<a:UserName>u</a:UserName><a:PassWord t=\"1\">p</a:PassWord>", "u|p"},
		{"multipart", "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nad\r\nmin\r\n--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\np\r\n--b--\r\n", "ad\r\nmin|p"},
		{"multipart, bare LF", "--b\nContent-Disposition: form-data; name=\"user\"\n\nu\n--b\nContent-Disposition: form-data; name=\"pass\"\n\np\n--b--\n", "u|p"},
		{"long", "user=u&password=" + strings.Repeat("x", 5000), "u|" + strings.Repeat("x", MaxValue)},
	} {
		var l Login
		got := "-"
		if l.Find([]byte(c.body)) {
			got = string(l.User()) + "|" + string(l.Password())
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var l Login
	body := []byte("username=admin&password=1234%21")
	l.Find(body)
	if n := testing.AllocsPerRun(100, func() { l.Find(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{
		"user=a&pass=b", `{"user":"a","pass":"\u00e9"}`, "<user>a</user><pass>b</pass>",
		"--b\r\nContent-Disposition: form-data; name=\"pass\"\r\n\r\np\r\n--b--\r\n",
	} {
		f.Add([]byte(s))
	}
	var l Login
	f.Fuzz(func(t *testing.T, b []byte) {
		if l.Find(b) && (len(l.User()) > MaxValue || len(l.Password()) > MaxValue) {
			t.Errorf("%d and %d bytes", len(l.User()), len(l.Password()))
		}
	})
}
