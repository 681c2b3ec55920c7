package nodetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forager/pots"
)

// manifestOf is a manifest with one pot, x.
func manifestOf(setup string) string {
	return `{"pots":[{"id":"x","type":"x","directory":"pot","default_ports":{"http":8099},"setup":` + setup + `}]}`
}

// hostileRepositories are what a stranger's repository may hold, and what the
// node says to it. The main.py of a pot writes a mark outside, if it runs.
var hostileRepositories = []struct {
	name  string
	files map[string]string // "-> x" is a link to x
	want  string
}{
	{"a link out of the tree", map[string]string{"potstore.json": manifestOf(`{"entry_point":"main.py"}`), "pot/passwd": "-> /etc/passwd"}, "passwd"},
	{"a link upwards", map[string]string{"potstore.json": manifestOf(`{"entry_point":"main.py"}`), "pot/up": "-> ../../../x"}, "up"},
	{"the pot's directory is a link", map[string]string{"potstore.json": manifestOf(`{"entry_point":"main.py"}`), "pot": "-> /etc"}, "pot"},
	{"a manifest that is a link", map[string]string{"potstore.json": "-> /etc/passwd", "pot/main.py": ""}, "potstore.json"},
	{"a broken manifest", map[string]string{"potstore.json": `{"pots":[{"id":`, "pot/main.py": ""}, "manifest"},
	{"a manifest of another kind", map[string]string{"potstore.json": `[1]`, "pot/main.py": ""}, "manifest"},
	{"no pot of the type", map[string]string{"potstore.json": `{"pots":[]}`, "pot/main.py": ""}, "no such pot"},
	{"an install that removes", map[string]string{"potstore.json": manifestOf(`{"install":"rm -rf /","entry_point":"main.py"}`)}, `rm -rf /`},
	{"an install of two commands", map[string]string{"potstore.json": manifestOf(`{"install":"pip install -r r.txt; rm -rf /","entry_point":"main.py"}`)}, "install not allowed"},
	{"an install with a substitution", map[string]string{"potstore.json": manifestOf(`{"install":"./$(id).sh","entry_point":"main.py"}`)}, "install not allowed"},
	{"an install above", map[string]string{"potstore.json": manifestOf(`{"install":"./../x.sh","entry_point":"main.py"}`)}, "install not allowed"},
	{"a directory above", map[string]string{"potstore.json": strings.Replace(manifestOf(`{}`), `"pot"`, `"../.."`, 1)}, "directory"},
	{"an absolute directory", map[string]string{"potstore.json": strings.Replace(manifestOf(`{}`), `"pot"`, `"/etc"`, 1)}, "directory"},
	{"an entry point above", map[string]string{"potstore.json": manifestOf(`{"entry_point":"../../x.py"}`)}, "entry_point"},
	{"a file too large", map[string]string{"potstore.json": manifestOf(`{"entry_point":"main.py"}`), "pot/large": strings.Repeat("\x00", 300<<20)}, "too large"},
}

// hostileCommands are InstallPots that never come to a fetch.
func hostileCommands(store string) map[string]struct{ command, want string } {
	install := func(id, typ, url string, config map[string]string) string {
		return installCommand(id, typ, url, config, true)
	}
	path := strings.TrimPrefix(store, "file://")
	return map[string]struct{ command, want string }{
		"pot_id with ../":         {install("../../etc/x", "x", store, nil), `pot id`},
		"pot_id with NUL":         {install("a\x00b", "x", store, nil), `pot id`},
		"pot_id of 300":           {install(strings.Repeat("p", 300), "x", store, nil), `pot id`},
		"pot_id with a dot":       {install(".new-1", "x", store, nil), `pot id`},
		"pot_id with a slash":     {install("a/b", "x", store, nil), `pot id`},
		"type with ../":           {install("h", "../x", store, nil), `honeypot type`},
		"url is an option":        {install("h", "x", "--upload-pack=touch /tmp/x", nil), "not to be fetched"},
		"ext::":                   {install("h", "x", "ext::sh -c touch% /tmp/x", nil), "not to be fetched"},
		"file outside the list":   {install("h", "x", "file:///etc", nil), "not to be fetched"},
		"a path without a scheme": {install("h", "x", path, nil), "not to be fetched"},
		"credentials":             {install("h", "x", "https://user:pass@github.com/H0neyBe/honeybee_potstore.git", nil), "not to be fetched"},
		"upwards from the list":   {install("h", "x", store+"/../../x", nil), "not to be fetched"},
		"another host":            {install("h", "x", "https://example.org/honeybee_potstore.git", nil), "not to be fetched"},
		"a newline in the url":    {install("h", "x", store+"\n", nil), "not to be fetched"},
		"a newline in a value":    {install("h", "x", store, map[string]string{"hostname": "a\n[shell]"}), "control character"},
		"NUL in a key":            {install("h", "x", store, map[string]string{"host\x00name": "a"}), "control character"},
	}
}

// hostileConfigs are values that the pot's plan refuses.
var hostileConfigs = map[string]map[string]string{
	"shell words in a host name": {"hostname": "$(reboot)"},
	"a semicolon":                {"hostname": "a;reboot"},
	"a port that is a word":      {"http_port": "80;reboot"},
	"a port too large":           {"http_port": "65536"},
	"a path upwards":             {"log_path": "../../../etc/cron.d/x"},
	"an absolute path":           {"data_path": "/etc"},
	"an unknown key":             {"LD_PRELOAD": "/tmp/x.so"},
}

// What Core or a repository asks for and must not get is refused with its
// reason, and nothing is written outside the pots' directory, nor left there.
func TestHostileInstalls(t *testing.T) {
	store := repository(t, "testdata/potstore")
	base := strings.TrimSuffix(store, "store.git")
	p := startProgramNode(t, base+"*.git")
	before := p.tree()
	for name, tt := range hostileCommands(store) {
		t.Log(name)
		if m := p.back.ask(tt.command, tt.want); !strings.Contains(m.Raw, `"Failed"`) && !strings.Contains(m.Raw, `"Error"`) {
			t.Errorf("%s: answer %s", name, m.Raw)
		} else if strings.Contains(m.Raw, "pass@") {
			t.Errorf("credentials in %s", m.Raw)
		}
	}
	for name, config := range hostileConfigs {
		m := p.installed("h", "phplogin", store, config, true)
		for key := range config {
			if !strings.Contains(m.Raw, `"status":"Failed"`) || !strings.Contains(m.Raw, "config not allowed") || !strings.Contains(m.Raw, key) {
				t.Errorf("%s: %s", name, m.Raw)
			}
		}
	}
	for n, tt := range hostileRepositories {
		dir := fmt.Sprintf("%s%d.git", strings.TrimPrefix(base, "file://"), n)
		writeTree(t, dir, tt.files)
		commit(t, dir)
		m := p.installed("h", "x", "file://"+dir, nil, true)
		if !strings.Contains(m.Raw, `"status":"Failed"`) || !strings.Contains(m.Raw, tt.want) {
			t.Errorf("%s: want %q, got %s", tt.name, tt.want, m.Raw)
		}
	}
	for branch, want := range map[string]string{"--upload-pack=x": "upload-pack", "none": "branch", "a\nb": "branch"} {
		j, err := json.Marshal(branch)
		if err != nil {
			t.Fatal(err)
		}
		w := p.core.WatchNew()
		p.back.command(strings.Replace(installCommand("h", "pymail", store, nil, true), `"git_url"`, `"git_branch":`+string(j)+`,"git_url"`, 1))
		if m := p.settles(w, "h"); !strings.Contains(m.Raw, `"status":"Failed"`) || !strings.Contains(m.Raw, want) {
			t.Errorf("branch %q: %s", branch, m.Raw)
		}
	}
	if after := p.tree(); !maps.Equal(before, after) {
		t.Errorf("the state directory was\n%v\nand is\n%v", before, after)
	}
	w := p.core.WatchNew()
	p.back.command(`"GetInstalledPots"`)
	until(t, w, "no pots are installed")
}

// tree lists the directory that the state directory is in, and where the
// programs are if that is elsewhere: paths and sizes. The link from there, which
// the first install makes, is none of what an install writes.
func (p *programNode) tree() map[string]int64 {
	p.t.Helper()
	found := make(map[string]int64)
	link := filepath.Join(p.state, "pots")
	for _, root := range []string{filepath.Dir(p.state), pots.ProgramDir(p.state, os.Geteuid() == 0)} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || path == link && e.Type() == fs.ModeSymlink {
				return err
			}
			info, err := e.Info()
			if err == nil {
				found[path] = info.Size()
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.t.Fatal(err)
		}
	}
	return found
}

func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if _, ok := files["pot/main.py"]; !ok && !strings.HasPrefix(files["pot"], "->") {
		files["pot/main.py"] = "raise SystemExit('it ran')\n"
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, content := filepath.Join(dir, name), files[name]
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// An Agent installs nothing.
func TestAgentInstallsNothing(t *testing.T) {
	store := repository(t, "testdata/potstore")
	p := startProgramNode(t, store, "-node-type", "Agent")
	m := p.back.ask(installCommand("a", "pymail", store, nil, true), `"pot_id":"a"`)
	var status struct{ Status, Message string }
	if err := m.Content(&status); err != nil || status.Status != "Failed" || !strings.Contains(status.Message, "Agent") {
		t.Errorf("%s, %v", m.Raw, err)
	}
	if _, err := os.Stat(filepath.Join(p.state, "pots")); err == nil {
		t.Error("the directory of the pots was made")
	}
}
