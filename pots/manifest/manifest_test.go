package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// repo makes a repository of files: a name that ends with / is a directory, a
// text that begins with -> a link, one that begins with #! or ELF's magic is
// executable.
func repo(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(file, 0o755)
		case strings.HasPrefix(text, "->"):
			err = os.Symlink(text[2:], file)
		case strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7fELF"):
			err = os.WriteFile(file, []byte(text), 0o755)
		default:
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// potstore is a repository with the Potstore's own manifest.
func potstore(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/potstore.json")
	if err != nil {
		t.Fatal(err)
	}
	return repo(t, map[string]string{
		"potstore.json":              string(data),
		"cowrie/requirements.txt":    "# what it needs\ntwisted==24.11.0\n",
		"cowrie/src/cowrie/":         "",
		"HonnyPotter/standalone.php": "<?php echo 'WordPress';",
		"HonnyPotter/install.sh":     "#!/bin/sh\nexit 0\n",
	})
}

// bad wraps a pot's keys as a manifest of one pot of type x.
func bad(keys string) string { return `{"pots":[{"type":"x",` + keys + `}]}` }

func TestFindRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		typ   string
		files map[string]string
		err   error
		want  string
	}{
		{"no such type", "dionaea", map[string]string{"potstore.json": `{"pots":[{"type":"a"},{"type":"b"}]}`}, ErrNoPot, `it holds "a", "b", not "dionaea"`},
		{"announced", "dionaea", map[string]string{"potstore.json": `{"pots":[],"coming_soon":[{"type":"dionaea"}]}`}, ErrNoPot, "announced there, and not yet present"},
		{"another in forager.json", "x", map[string]string{"forager.json": `{"type":"y"}`}, ErrNoPot, `it holds "y", not "x"`},
		{"nothing to see", "x", map[string]string{"README": "hello"}, ErrNoPot, "neither potstore.json nor forager.json"},
		{"type with a slash", "../x", nil, ErrNoPot, "type"},
		{"type with a NUL", "x\x00", nil, ErrNoPot, "type"},
		{"type too long", strings.Repeat("x", 65), nil, ErrNoPot, "type"},
		{"empty file", "x", map[string]string{"potstore.json": ""}, ErrManifest, "potstore.json: "},
		{"cut", "x", map[string]string{"potstore.json": `{"pots":[{"type":"x"`}, ErrManifest, "EOF"},
		{"an array", "x", map[string]string{"potstore.json": `[]`}, ErrManifest, "want an object"},
		{"two documents", "x", map[string]string{"potstore.json": `{"pots":[]}{}`}, ErrManifest, "more than one"},
		{"a key twice", "x", map[string]string{"potstore.json": `{"pots":[],"pots":[]}`}, ErrManifest, "duplicate"},
		{"not UTF-8", "x", map[string]string{"potstore.json": "{\"pots\":[{\"type\":\"\xff\"}]}"}, ErrManifest, "UTF-8"},
		{"too large", "x", map[string]string{"potstore.json": strings.Repeat(" ", MaxSize+1)}, ErrManifest, "more than 1048576 bytes"},
		{"too deep", "x", map[string]string{"potstore.json": `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`}, ErrManifest, "nested deeper than 32"},
		{"far too deep", "x", map[string]string{"potstore.json": `{"a":` + strings.Repeat("[", 500000)}, ErrManifest, "nested deeper than 32"},
		{"too many pots", "x", map[string]string{"potstore.json": `{"pots":[` + strings.Repeat(`{},`, 256) + `{}]}`}, ErrManifest, "more than 256"},
		{"pots no array", "x", map[string]string{"potstore.json": `{"pots":{}}`}, ErrManifest, "want an array"},
		{"type no string", "x", map[string]string{"potstore.json": `{"pots":[{"type":7}]}`}, ErrManifest, `at "/pots/0/type": want a string`},
		{"a newline", "x", map[string]string{"potstore.json": bad(`"setup":{"install":"pip\nrm"}`)}, ErrManifest, "control character"},
		{"directory above", "x", map[string]string{"potstore.json": bad(`"directory":"../etc"`)}, ErrManifest, "below the pot's directory"},
		{"directory absolute", "x", map[string]string{"potstore.json": bad(`"directory":"/etc"`)}, ErrManifest, "below the pot's directory"},
		{"directory that is not there", "x", map[string]string{"potstore.json": bad(`"directory":"y"`)}, ErrManifest, `directory "y" is not there`},
		{"directory by a link out", "x", map[string]string{"potstore.json": bad(`"directory":"y"`), "y": "->/etc"}, ErrManifest, "is not there"},
		{"manifest by a link out", "x", map[string]string{"potstore.json": "->/etc/passwd"}, ErrManifest, "escapes"},
		{"manifest a directory", "x", map[string]string{"potstore.json/": ""}, ErrManifest, "not a file"},
		{"entry point above", "x", map[string]string{"potstore.json": bad(`"setup":{"entry_point":"a/../../b.py"}`)}, ErrManifest, "setup.entry_point"},
		{"entry point an option", "x", map[string]string{"potstore.json": bad(`"setup":{"entry_point":"-c"}`)}, ErrManifest, "setup.entry_point"},
		{"forwarder with shell words", "x", map[string]string{"potstore.json": bad(`"setup":{"forwarder":"a;b"}`)}, ErrManifest, "setup.forwarder"},
		{"port 0", "x", map[string]string{"potstore.json": bad(`"default_ports":{"ssh":0}`)}, ErrManifest, "1 to 65535"},
		{"port 65536", "x", map[string]string{"potstore.json": bad(`"default_ports":{"ssh":65536}`)}, ErrManifest, "1 to 65535"},
		{"port of a fraction", "x", map[string]string{"potstore.json": bad(`"default_ports":{"ssh":22.5}`)}, ErrManifest, "1 to 65535"},
		{"port's name", "x", map[string]string{"potstore.json": bad(`"default_ports":{"LD_PRELOAD=":22}`)}, ErrManifest, "want a name"},
		{"port of the events", "x", map[string]string{"potstore.json": bad(`"default_ports":{"event":22}`)}, ErrManifest, "the node's own"},
		{"another system", "x", map[string]string{"potstore.json": bad(`"requirements":{"os":["windows"]}`)}, ErrManifest, "this is linux"},
		{"no version", "x", map[string]string{"potstore.json": bad(`"requirements":{"python":"new"}`)}, ErrManifest, "version"},
		{"extension's name", "x", map[string]string{"potstore.json": bad(`"requirements":{"php_extensions":["a b"]}`)}, ErrManifest, "want A-Z"},
		{"key's name", "x", map[string]string{"potstore.json": `{"pots":[{"type":"x"}],"configuration":{"supported_config_keys":["A"]}}`}, ErrManifest, "want a name"},
		{"rm -rf", "x", map[string]string{"potstore.json": bad(`"setup":{"install":"rm -rf /"}`)}, ErrInstall, `"rm -rf /": not one of`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Find(repo(t, tt.files), tt.typ)
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want %v with %q", p, err, tt.err, tt.want)
			}
		})
	}
	if _, err := Find(filepath.Join(t.TempDir(), "missing"), "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a root that is not there: %v", err)
	}
}

func TestFindPotstore(t *testing.T) {
	root := potstore(t)
	keys := []string{"ssh_port", "telnet_port", "http_port", "https_port", "hostname", "log_path", "data_path", "pot_id"}
	for typ, want := range map[string]Pot{
		"cowrie": {
			ID: "cowrie", Type: "cowrie", Directory: "cowrie", Source: "potstore.json", EventPort: 9100, Keys: keys,
			Requires: []Requirement{{Program: "python3", Version: ">=3.7"}},
			Ports:    []Port{{"ssh", 2222}, {"telnet", 2223}},
			Setup:    Setup{Install: "pip install -r requirements.txt", Config: "etc/cowrie.cfg.dist", OutputPlugin: "src/cowrie/output/honeybee.py"},
		},
		"honnypotter": {
			ID: "honnypotter", Type: "honnypotter", Directory: "HonnyPotter", Source: "potstore.json", EventPort: 9100, Keys: keys,
			Requires: []Requirement{{Program: "php", Version: ">=7.4", Extensions: []string{"json", "sockets"}}},
			Ports:    []Port{{"http", 80}, {"https", 443}},
			Setup:    Setup{Install: "./install.sh", Forwarder: "honeybee-forwarder.php", EntryPoint: "standalone.php"},
		},
	} {
		got, err := Find(root, typ)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", typ, got, err, want)
		}
	}
	if _, err := Find(root, "kippo"); !errors.Is(err, ErrNoPot) || !strings.Contains(err.Error(), "announced") {
		t.Errorf("kippo: %v", err)
	}
}

func TestFindWithoutPotstore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  Pot
	}{
		{
			"keys at the root of forager.json", map[string]string{"forager.json": `{"type":"x","future":[{}],"directory":"d/","setup":{"entry_point":"a.py"}}`, "d/": "", "main.py": ""},
			Pot{ID: "x", Type: "x", Directory: "d", Source: "forager.json", Setup: Setup{EntryPoint: "a.py"}},
		},
		{
			"pots in forager.json, by id", map[string]string{"forager.json": `{"pots":[{"id":"x","type":"y"}]}`},
			Pot{ID: "x", Type: "y", Directory: ".", Source: "forager.json"},
		},
		{
			"potstore.json is asked first", map[string]string{"potstore.json": `{"pots":[{"id":"x"}]}`, "forager.json": `{`},
			Pot{ID: "x", Type: "x", Directory: ".", Source: "potstore.json"},
		},
		{
			"Python by its files", map[string]string{"requirements.txt": "x", "run.py": ""},
			Pot{ID: "x", Type: "x", Directory: ".", Setup: Setup{Install: "pip install -r requirements.txt", EntryPoint: "run.py"}},
		},
		{
			"PHP by its files", map[string]string{"standalone.php": ""},
			Pot{ID: "x", Type: "x", Directory: ".", Setup: Setup{EntryPoint: "standalone.php"}},
		},
		{
			"null is as absent", map[string]string{"forager.json": `{"type":"x","directory":null,"setup":null,"default_ports":{"a":null},"requirements":null}`},
			Pot{ID: "x", Type: "x", Directory: ".", Source: "forager.json"},
		},
	} {
		got, err := Find(repo(t, tt.files), "x")
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestInstallLines(t *testing.T) {
	for _, line := range []string{
		"rm -rf /", "rm -rf .", "pip install -r requirements.txt; rm -rf /", "pip install -r requirements.txt && x", "a || b", "a | b",
		"pip install -r $(x)", "pip install -r `x`", "pip install -r ${HOME}", "pip install -r a > b", "pip install -r a < b", "pip install -r a &",
		"pip install -r ../requirements.txt", "pip install -r /etc/passwd", "pip install -r -", "pip install -r --index-url=x",
		"pip install x", "pip install --index-url=x -r a", "pip install -r a b", "pip install", "sudo pip install -r a", "/usr/bin/pip install -r a",
		"./../install.sh", "./a/../../b", "./", ".//etc/passwd", "./install.sh now", "install.sh", "/bin/sh install.sh", "sh install.sh", "bash -c x",
		"python -m venv /venv", "python setup.py install", "python -c x", "python -m http.server", "npm install", "npm ci x", "composer install x", "composer",
		"curl x", "make", `pip install -r "a"`, `pip install -r 'a'`, "pip\tinstall", "pip install -r a\nrm -rf /", "pip install -r a#b", "./ünstall.sh", "~/install.sh", "./*",
	} {
		if got, err := readInstall(line); !errors.Is(err, ErrInstall) {
			t.Errorf("%q: %+v, %v; want it refused", line, got, err)
		}
	}
	for line, want := range map[string]install{
		"":                                install{},
		"pip install -r requirements.txt": {toolPip, "requirements.txt"},
		" pip3  install -r a/b-c+d.txt ":  {toolPip, "a/b-c+d.txt"},
		"pip install --no-cache-dir -r requirements.txt":         {toolPip, "requirements.txt"},
		"python -m pip install --upgrade -q -r requirements.txt": {toolPip, "requirements.txt"},
		"python3 -m venv venv":                                   {toolVenv, "venv"},
		"composer install --no-dev --prefer-dist":                {tool: toolComposer},
		"npm ci --omit=dev":                                      {tool: toolNPM},
		"./install.sh":                                           {toolScript, "install.sh"},
		"./build/./install":                                      {toolScript, "build/install"},
	} {
		if got, err := readInstall(line); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", line, got, err, want)
		}
	}
}

func TestVersionRanges(t *testing.T) {
	for _, s := range []string{"new", ">=", ">=3.7;", ">= ", "3.7 -x", "3.7abc", "=>3", "3 || ", "|", "1 | | 2", strings.Repeat(">1 ", 17), ">=3.7,,x"} {
		if r, err := parseRange(s); err == nil {
			t.Errorf("%q: %v, want an error", s, r)
		}
	}
	for _, tt := range []struct{ want, holds, fails string }{
		{"", "0.1 3.11.2", ""},
		{"*", "0.1 3.11.2", ""},
		{">=3.7", "3.7 3.7.0 3.11.2 4", "3.6.9 2.7.18 3"},
		{">= 3.7, <4", "3.7 3.99", "4 4.0.1 3.6"},
		{">=3.7 <3.12 !=3.9.1", "3.7 3.9.2 3.11.9", "3.9.1 3.12.0"},
		{">3.7", "3.8 4", "3.7 3.7.5"},
		{"<=3.11", "3.11.2 3.0", "3.12"},
		{"3", "3.0 3.11.2", "2.7 4"},
		{"==3.11.*", "3.11.2", "3.12"},
		{"3.x", "3.11.2", "2.7"},
		{"^7.4", "7.4 7.99.1", "7.3 8.0"},
		{"^7.4 || ^8.0", "7.4 8.2.29", "7.3 9"},
		{"^7.4|^8.0", "8.2.29", "9"},
		{"~7.4", "7.4 7.9", "8 7.3"},
		{"~=3.8.1", "3.8.1 3.8.9", "3.9 3.8.0"},
		{"~7", "7.9", "8"},
		{"v18", "18.19.0", "20"},
		{"1.2.3.4.5", "", ""}, // a fifth number is not one of a version
	} {
		r, err := parseRange(tt.want)
		if err != nil {
			if tt.holds != "" {
				t.Errorf("%q: %v", tt.want, err)
			}
			continue
		}
		for _, list := range []struct {
			versions string
			want     bool
		}{{tt.holds, true}, {tt.fails, false}} {
			for _, s := range strings.Fields(list.versions) {
				v, _ := findVersion(s)
				if got := r.holds(v); got != list.want {
					t.Errorf("%q holds for %v: %v", tt.want, v, got)
				}
			}
		}
	}
	for s, want := range map[string]string{"Python 3.11.7": "3.11.7", "PHP 8.2.29 (cli) (built: Jul  3 2025)": "8.2.29", "v18.19.0\n": "18.19.0", "none": "", "Python 3.13.0rc1": "3.13.0"} {
		if v, _ := findVersion(s); v.String() != want {
			t.Errorf("%q: %s, want %s", s, v, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/potstore.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"type":"x","setup":{"entry_point":"main.py","install":"npm ci"},"default_ports":{"a":1}}`))
	f.Add([]byte(bad(`"requirements":{"python":">=3","php_extensions":["a"]},"honeybee_integration":{"event_port":9100}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parse(data)
		if err != nil {
			return
		}
		if len(doc.pots) > maxPots || len(doc.coming) > maxPots || len(doc.keys) > maxList {
			t.Fatalf("%d pots, %d coming, %d keys", len(doc.pots), len(doc.coming), len(doc.keys))
		}
		for _, p := range doc.pots {
			if p.check() != nil {
				continue
			}
			if !filepath.IsLocal(p.Directory) || !plainName(p.Type) || len(p.Ports) > maxPorts || !slices.IsSortedFunc(p.Ports, func(a, b Port) int { return strings.Compare(a.Name, b.Name) }) {
				t.Fatalf("%+v passes", p)
			}
		}
	})
}

func FuzzInstall(f *testing.F) {
	for _, s := range []string{"pip install -r requirements.txt", "./install.sh", "npm ci", "rm -rf /", "python3 -m venv x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		in, err := readInstall(line)
		if err == nil && (strings.ContainsAny(line, ";&|$`<>\"'\\\n*?~#(){}") || in.file != "" && !filepath.IsLocal(in.file)) {
			t.Fatalf("%q passes as %+v", line, in)
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{">=3.7", "^7.4 || ^8.0", "==3.11.*", "~=3.8.1, !=3.9", "*"} {
		f.Add(s, "3.11.2")
	}
	f.Fuzz(func(t *testing.T, s, have string) {
		r, err := parseRange(s)
		if v, ok := findVersion(have); err == nil && ok {
			r.holds(v)
		}
	})
}
