package manifest

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// planOf finds a pot and plans it.
func planOf(t testing.TB, root, typ string, w Want) (*Plan, error) {
	t.Helper()
	p, err := Find(root, typ)
	if err != nil {
		return nil, err
	}
	w.Dir = filepath.Join(root, p.Directory)
	if w.PotID == "" {
		w.PotID = "p-1"
	}
	if w.EventPort == 0 {
		w.EventPort = 9100
	}
	return p.Plan(w)
}

// TestPlanPotstore holds the plans of the Potstore's pots against
// testdata/*.plan, where DIR is the pot's directory (-update writes them).
func TestPlanPotstore(t *testing.T) {
	for _, tt := range []struct {
		golden, typ string
		want        Want
	}{
		{"cowrie", "cowrie", Want{}},
		{"cowrie-config", "cowrie", Want{EventPort: 9200, PotID: "trap.7", Config: map[string]string{
			"ssh_port": "22", "telnet_port": "23", "hostname": "mail.example", "log_path": "log/", "data_path": "state", "pot_id": "trap.7", "https_port": "443",
		}}},
		{"honnypotter", "honnypotter", Want{}},
		{"honnypotter-config", "honnypotter", Want{EventPort: 9200, Config: map[string]string{"http_port": "8081"}}},
	} {
		root := potstore(t)
		plan, err := planOf(t, root, tt.typ, tt.want)
		if err != nil {
			t.Errorf("%s: %v", tt.golden, err)
			continue
		}
		b, err := json.MarshalIndent(plan, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(root, map[string]string{"cowrie": "cowrie", "honnypotter": "HonnyPotter"}[tt.typ])
		got := strings.ReplaceAll(string(b), dir, "DIR") + "\n"
		file := filepath.Join("testdata", tt.golden+".plan")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\ngot:\n%s\nwant:\n%s", tt.golden, err, got, want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	config := func(kv ...string) Want {
		w := Want{Config: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			w.Config[kv[i]] = kv[i+1]
		}
		return w
	}
	many := Want{Config: map[string]string{}}
	for i := range maxConfig + 1 {
		many.Config["k"+strings.Repeat("x", i)] = "1"
	}
	for _, tt := range []struct {
		name, typ string
		want      Want
		err       error
		text      string
	}{
		{"unknown key", "cowrie", config("shell", "x"), ErrConfig, `"shell": unknown; this pot takes data_path, hostname`},
		{"key with a newline", "cowrie", config("a\nb", "x"), ErrConfig, "want a name"},
		{"key of the node's", "own", config("event_port", "1"), ErrConfig, "unknown"},
		{"key of a value", "own", config("dir", "/"), ErrConfig, "unknown"},
		{"port 0", "cowrie", config("ssh_port", "0"), ErrConfig, "want a port"},
		{"port 65536", "cowrie", config("ssh_port", "65536"), ErrConfig, "want a port"},
		{"port with a sign", "cowrie", config("ssh_port", "+22"), ErrConfig, "want a port"},
		{"port with zeros", "cowrie", config("ssh_port", "0022"), ErrConfig, "want a port"},
		{"port with an endpoint", "cowrie", config("ssh_port", "22:interface=::"), ErrConfig, "want a port"},
		{"port empty", "cowrie", config("ssh_port", ""), ErrConfig, "want a port"},
		{"port and a line", "cowrie", config("ssh_port", "22\n[output_x]"), ErrConfig, "want a port"},
		{"unused port, wrong too", "honnypotter", config("https_port", "x"), ErrConfig, "want a port"},
		{"port twice", "cowrie", config("ssh_port", "2223"), ErrConfig, "port 2223 is there twice"},
		{"port of the intake", "cowrie", config("ssh_port", "9100"), ErrConfig, "-intake"},
		{"host and a line", "cowrie", config("hostname", "a\nlog_path = /etc"), ErrConfig, "want a host name"},
		{"host with an interpolation", "cowrie", config("hostname", "${honeypot:x}"), ErrConfig, "want a host name"},
		{"host with a command", "cowrie", config("hostname", "$(id)"), ErrConfig, "want a host name"},
		{"host empty", "cowrie", config("hostname", ""), ErrConfig, "want a host name"},
		{"host too long", "cowrie", config("hostname", strings.Repeat("a.", 127)+"ab"), ErrConfig, "want a host name"},
		{"host with a dash", "cowrie", config("hostname", "-rf"), ErrConfig, "want a host name"},
		{"path above", "cowrie", config("log_path", "../../etc"), ErrConfig, "below the pot's directory"},
		{"path absolute", "cowrie", config("log_path", "/var/log"), ErrConfig, "below the pot's directory"},
		{"path and a line", "cowrie", config("data_path", "a\nb"), ErrConfig, "want A-Z"},
		{"path with shell words", "cowrie", config("data_path", "a;rm -rf b"), ErrConfig, "want A-Z"},
		{"path with a NUL", "cowrie", config("data_path", "a\x00"), ErrConfig, "want"},
		{"path empty", "cowrie", config("data_path", ""), ErrConfig, "below the pot's directory"},
		{"another pot's id", "cowrie", config("pot_id", "p-2"), ErrConfig, "not the pot's own id"},
		{"text and a line", "own", config("motd", "a\nb"), ErrConfig, "without control characters"},
		{"text with a NUL", "own", config("motd", "a\x00b"), ErrConfig, "without control characters"},
		{"text with an escape", "own", config("motd", "\x1b[2J"), ErrConfig, "without control characters"},
		{"text not UTF-8", "own", config("motd", "\xff"), ErrConfig, "without control characters"},
		{"text too long", "own", config("motd", strings.Repeat("x", 1025)), ErrConfig, "1024"},
		{"too many keys", "own", many, ErrConfig, "at most 64"},
		{"id with a slash", "own", Want{PotID: "../x"}, ErrConfig, "pot id"},
		{"id with a newline", "own", Want{PotID: "a\nb"}, ErrConfig, "pot id"},
		{"a script that is not there", "noscript", Want{}, ErrInstall, "file does not exist"},
		{"a script of a link", "linkscript", Want{}, ErrInstall, "not a regular file"},
		{"a script without its bit", "nobit", Want{}, ErrInstall, "not executable"},
		{"a script without a first line", "nohead", Want{}, ErrInstall, "neither #!/ nor an ELF"},
		{"a list that is not there", "nolist", Want{}, ErrInstall, "no such file"},
		{"a list by a link out", "linklist", Want{}, ErrInstall, "escapes"},
		{"an entry point that is not there", "noentry", Want{}, ErrManifest, `"gone.py" is not there`},
		{"an entry point by a link out", "linkentry", Want{}, ErrManifest, "is not there"},
		{"a program without its bit", "noprogram", Want{}, ErrManifest, "not executable"},
		{"no entry point", "nothing", Want{}, ErrManifest, "no setup.entry_point"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := potstore(t)
			addOwn(t, root)
			plan, err := planOf(t, root, tt.typ, tt.want)
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) || plan != nil {
				t.Errorf("got %+v, %v; want %v with %q", plan, err, tt.err, tt.text)
			}
		})
	}
	root := potstore(t)
	p, err := Find(root, "cowrie")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(Want{PotID: "x", Dir: root}); !errors.Is(err, ErrRequired) {
		t.Errorf("without an intake: %v", err)
	}
	if _, err := p.Plan(Want{PotID: "x", Dir: "cowrie", EventPort: 1}); !errors.Is(err, ErrConfig) {
		t.Errorf("a relative directory: %v", err)
	}
	if _, err := p.Plan(Want{PotID: "x", Dir: root + "/missing", EventPort: 1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// addOwn adds pots of other types to a repository that has a potstore.json.
func addOwn(t *testing.T, root string) {
	t.Helper()
	var doc map[string]any
	data, err := os.ReadFile(filepath.Join(root, "potstore.json"))
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	add := func(typ, dir string, setup map[string]string, rest map[string]any) {
		pot := map[string]any{"type": typ, "directory": dir, "setup": setup}
		maps.Copy(pot, rest)
		doc["pots"] = append(doc["pots"].([]any), pot)
	}
	own := repo(t, map[string]string{
		"main.py": "", "list.txt": "x==1\n", "empty.txt": "# nothing\n\n", "pot": "#!/bin/sh\n", "text": "hello", "http.php": "<?php echo 1;",
		"listen.php": "<?php $s = stream_socket_server('tcp://0.0.0.0:1');", "app.js": "", "install.sh": "#!/bin/sh\n", "l.sh": "->install.sh", "l.txt": "->/etc/passwd", "l.py": "->/etc/passwd",
	})
	if err := os.WriteFile(filepath.Join(own, "nohead"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(root, "own"), os.DirFS(own)); err != nil { // links that stay inside
		if _, e := exec.Command("cp", "-a", own+"/.", filepath.Join(root, "own")).Output(); e != nil {
			t.Fatal(err, e)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{"configuration": map[string]any{"supported_config_keys": []string{"motd", "dir", "event_port", "api_token", "log_path", "hostname"}}}
	add("own", "own", map[string]string{"entry_point": "main.py", "install": "pip install -r list.txt"}, maps.Clone(keys))
	keys["default_ports"] = map[string]any{"smtp": 2525, "pop3": 2110}
	add("ports", "own", map[string]string{"entry_point": "./pot", "install": "./install.sh"}, keys)
	add("one", "own", map[string]string{"entry_point": "listen.php", "install": "composer install"}, map[string]any{"default_ports": map[string]any{"ftp": 2121}})
	add("web", "own", map[string]string{"entry_point": "http.php"}, map[string]any{"default_ports": map[string]any{"admin": 8000, "http": 8001}})
	add("web1", "own", map[string]string{"entry_point": "http.php"}, nil)
	add("node", "own", map[string]string{"entry_point": "app.js", "install": "npm ci"}, nil)
	add("emptylist", "own", map[string]string{"install": "pip3 install -r empty.txt"}, nil)
	add("venv", "own", map[string]string{"install": "python3 -m venv env"}, nil)
	add("noscript", "own", map[string]string{"entry_point": "main.py", "install": "./gone.sh"}, nil)
	add("linkscript", "own", map[string]string{"entry_point": "main.py", "install": "./l.sh"}, nil)
	add("nobit", "own", map[string]string{"entry_point": "main.py", "install": "./text"}, nil)
	add("nohead", "own", map[string]string{"entry_point": "main.py", "install": "./nohead"}, nil)
	add("nolist", "own", map[string]string{"entry_point": "main.py", "install": "pip install -r gone.txt"}, nil)
	add("linklist", "own", map[string]string{"entry_point": "main.py", "install": "pip install -r l.txt"}, nil)
	add("noentry", "own", map[string]string{"entry_point": "gone.py"}, nil)
	add("linkentry", "own", map[string]string{"entry_point": "l.py"}, nil)
	add("noprogram", "own", map[string]string{"entry_point": "text"}, nil)
	add("nothing", "empty", nil, nil)
	data, err = json.Marshal(doc)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "potstore.json"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPlanOfOtherTypes(t *testing.T) {
	const python, php, node = "/usr/bin/python3", "/usr/bin/php", "NODE"
	for _, tt := range []struct {
		typ    string
		config map[string]string
		args   string
		ports  []uint16
		env    string // what is there beside that of every pot
		steps  string
		needs  string
	}{
		{
			"own", map[string]string{"motd": "a ; $(b) \"ü\"", "api_token": "s3", "log_path": "log", "tcp_port": "99", "udp_port": "5"},
			"DIR/.forager/venv/bin/python DIR/main.py", []uint16{99, 5},
			"HONEYBEE_API_TOKEN=s3|HONEYBEE_LOG_PATH=DIR/log|HONEYBEE_MOTD=a ; $(b) \"ü\"|HONEYBEE_TCP_PORT=99|HONEYBEE_UDP_PORT=5",
			"virtual environment, dependencies", "python3+venv+ensurepip",
		},
		{"ports", map[string]string{"smtp_port": "25"}, "DIR/pot", []uint16{2110, 25}, "HONEYBEE_POP3_PORT=2110|HONEYBEE_SMTP_PORT=25", "install script", ""},
		{"one", map[string]string{"port": "21"}, php + " DIR/listen.php", []uint16{21}, "HONEYBEE_FTP_PORT=21", "dependencies", "php composer"},
		{"web", nil, php + " -d opcache.lockfile_path=DIR/.forager/tmp -S 0.0.0.0:8001 -t DIR DIR/http.php", []uint16{8001}, "HONEYBEE_ADMIN_PORT=8000|HONEYBEE_HTTP_PORT=8001", "", "php"},
		{"web1", nil, php + " -d opcache.lockfile_path=DIR/.forager/tmp -S 0.0.0.0:8080 -t DIR DIR/http.php", []uint16{8080}, "HONEYBEE_HTTP_PORT=8080", "", "php"},
		{"node", map[string]string{"port": "7"}, node + " DIR/app.js", []uint16{7}, "HONEYBEE_PORT=7", "dependencies", "node npm"},
		{"emptylist", nil, python + " DIR/main.py", nil, "", "", "python3"},
		{"venv", nil, "DIR/.forager/venv/bin/python DIR/main.py", nil, "", "virtual environment", "python3+venv+ensurepip"},
	} {
		root := potstore(t)
		addOwn(t, root)
		plan, err := planOf(t, root, tt.typ, Want{Config: tt.config})
		if err != nil {
			t.Errorf("%s: %v", tt.typ, err)
			continue
		}
		dir := filepath.Join(root, "own")
		in := func(s string) string { return strings.ReplaceAll(s, dir, "DIR") }
		args := in(strings.ReplaceAll(strings.Join(plan.Args, " "), programPath(nodeProgram), node))
		env := in(strings.Join(plan.Env[8:], "|"))
		if args != tt.args || !slices.Equal(plan.Ports, tt.ports) || env != tt.env {
			t.Errorf("%s: %s, ports %v, env %s\nwant %s, %v, %s", tt.typ, args, plan.Ports, env, tt.args, tt.ports, tt.env)
		}
		var steps, needs []string
		for _, s := range plan.Steps {
			steps = append(steps, s.Name)
			if !filepath.IsAbs(s.Args[0]) || s.Timeout <= 0 || s.Optional {
				t.Errorf("%s: step %+v", tt.typ, s)
			}
		}
		for _, r := range plan.Requires {
			needs = append(needs, strings.Join(append([]string{r.Program}, r.Extensions...), "+"))
		}
		if got := strings.Join(steps, ", "); got != tt.steps || strings.Join(needs, " ") != tt.needs {
			t.Errorf("%s: steps %s, needs %v; want %s, %s", tt.typ, got, needs, tt.steps, tt.needs)
		}
		if secret := slices.Contains(plan.Secrets, "api_token"); secret != (tt.config["api_token"] != "") {
			t.Errorf("%s: secrets %v", tt.typ, plan.Secrets)
		}
	}
}

// What two plans of one pot share must not change one of them.
func TestPlansAreApart(t *testing.T) {
	root := potstore(t)
	p, err := Find(root, "cowrie")
	if err != nil {
		t.Fatal(err)
	}
	w := Want{PotID: "a", Dir: root + "/cowrie", EventPort: 9100}
	first, err := p.Plan(w)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Plan(w)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Requires) != 1 || len(second.Requires[0].Extensions) != 2 || len(p.Requires[0].Extensions) != 0 || recipes[0].ports[0].Number != 2222 {
		t.Errorf("%+v, %+v, %+v", first.Requires, second.Requires, p.Requires)
	}
}

func TestWrite(t *testing.T) {
	outside := repo(t, map[string]string{"keep": "as it was"})
	for _, tt := range []struct {
		name  string
		files map[string]string
	}{
		{"a directory that leaves", map[string]string{"etc": "->" + outside}},
		{"a parent that leaves", map[string]string{"var": "->../../../../../.." + outside}},
		{"a file for a directory", map[string]string{"var": "x"}},
	} {
		dir := repo(t, tt.files)
		plan := &Plan{Dirs: []string{".forager/tmp", "var/lib/x"}, Files: []File{{"etc/cowrie.cfg", 0o600, "x"}}}
		if err := plan.Write(dir, ".", 0); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
	// Its own directory may have become a link, to outside or to another pot's.
	top := repo(t, map[string]string{"pot": "->" + outside, "near": "->other", "other/": ""})
	for _, name := range []string{"pot", "near", "gone", "..", "../" + filepath.Base(outside)} {
		plan := &Plan{Dirs: []string{"made"}}
		if err := plan.Write(top, name, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if names, _ := os.ReadDir(top + "/other"); len(names) != 0 {
		t.Errorf("written into another's: %v", names)
	}
	if names, _ := os.ReadDir(outside); len(names) != 1 {
		t.Errorf("written outside: %v", names)
	}

	// A link in the place of a file is replaced, not followed.
	dir := repo(t, map[string]string{"etc/cowrie.cfg": "->" + outside + "/keep", "var/": ""})
	plan := &Plan{Dirs: []string{"var/lib/x"}, Files: []File{{"etc/cowrie.cfg", 0o600, "text"}}}
	for range 2 {
		if err := plan.Write(filepath.Dir(dir), filepath.Base(dir), 0); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(dir + "/etc/cowrie.cfg")
	if kept, _ := os.ReadFile(outside + "/keep"); string(kept) != "as it was" || string(got) != "text" || err != nil {
		t.Errorf("outside %q, inside %q, %v", kept, got, err)
	}
	if info, err := os.Lstat(dir + "/etc/cowrie.cfg"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(dir + "/var/lib/x"); err != nil || info.Mode() != 0o700|fs.ModeDir {
		t.Errorf("%v, %v", info, err)
	}
}
