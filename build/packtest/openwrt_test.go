package packtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// router is a stand-in for an OpenWrt machine: a directory with UCI's files,
// networks that are up or not, and the init script.
type router struct {
	t      *testing.T
	dir    string
	script string
	stderr string // of the last call
}

func newRouter(t *testing.T, forager string) *router {
	t.Helper()
	r := &router{t: t, dir: t.TempDir()}
	for _, dir := range []string{"uci", "networks", "init.d", "sbin"} {
		if err := os.Mkdir(filepath.Join(r.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// The script's places are those of a machine of its own: here they are in
	// the directory.
	b, err := os.ReadFile("../openwrt/forager.init")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, place := range [][2]string{
		{"RUN=/var/run/forager\n", "RUN=" + r.dir + "/run\n"},
		{"PROG=/usr/sbin/forager\n", "PROG=" + r.dir + "/forager\n"},
		{"[ -x /sbin/ujail ]", "[ -x " + r.dir + "/sbin/ujail ]"},
		{" /etc/forager/state\n", " " + r.dir + "/state\n"},
	} {
		if strings.Count(text, place[0]) != 1 {
			t.Fatalf("the script has %q not once", place[0])
		}
		text = strings.Replace(text, place[0], place[1], 1)
	}
	r.script = r.write("init.d/forager", text)
	r.write("forager", forager)
	r.write("networks/wan", "192.0.2.7")
	return r
}

func (r *router) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *router) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// run has the script do something under BusyBox's shell, and returns what it
// printed and what it called.
func (r *router) run(action string) (stdout string, calls [][]string) {
	r.t.Helper()
	standin, err := filepath.Abs("testdata/openwrt")
	if err != nil {
		r.t.Fatal(err)
	}
	record := r.write("record", "")
	cmd := exec.Command("busybox", "ash", filepath.Join(standin, "rc.common"), r.script, action)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "STANDIN=" + standin, "IPKG_INSTROOT=" + standin,
		"RECORD=" + record, "UCI=" + filepath.Join(r.dir, "uci"), "NETWORKS=" + filepath.Join(r.dir, "networks"),
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	r.stderr = errors.String()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s%s", action, err, out, r.stderr)
	}
	b, err := os.ReadFile(record)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		calls = append(calls, strings.Split(strings.TrimSuffix(line, "\n"), "\x1f"))
	}
	return string(out), calls
}

// service is the message that procd would get.
type service struct {
	Name      string
	Instances map[string]*instance
	Triggers  []string // "config NAME" or "interface NAME"
	Data      map[string]any
	Changed   []string // configurations that others are told have changed
	Killed    bool
}

type instance struct {
	params map[string][]string
	jail   []string
	mounts map[string]bool // writable?
}

// start runs an action and puts the message together as procd.sh does.
func (r *router) start(action string) *service {
	r.t.Helper()
	_, calls := r.run(action)
	s := &service{Instances: map[string]*instance{}}
	var in *instance
	var data strings.Builder
	for _, c := range calls {
		switch c[0] {
		case "open_service":
			s.Name = c[1]
		case "kill":
			s.Killed = true
		case "procd_open_instance":
			in = &instance{params: map[string][]string{}, mounts: map[string]bool{}}
			s.Instances[c[1]] = in
		case "procd_close_instance":
			in = nil
		case "procd_set_param":
			in.params[c[1]] = c[2:]
		case "procd_append_param":
			in.params[c[1]] = append(in.params[c[1]], c[2:]...)
		case "procd_add_jail":
			in.jail = c[1:]
		case "procd_add_jail_mount", "procd_add_jail_mount_rw":
			for _, path := range c[1:] {
				in.mounts[path] = c[0] == "procd_add_jail_mount_rw"
			}
		case "procd_add_reload_trigger":
			for _, name := range c[1:] {
				s.Triggers = append(s.Triggers, "config "+name)
			}
		case "procd_add_reload_interface_trigger":
			s.Triggers = append(s.Triggers, "interface "+c[1])
		case "procd_set_config_changed":
			s.Changed = append(s.Changed, c[1])
		default:
			addJSON(r.t, &data, c)
		}
	}
	if in != nil {
		r.t.Error("an instance was not closed")
	}
	if data.Len() > 0 {
		if err := json.Unmarshal([]byte(data.String()), &s.Data); err != nil {
			r.t.Fatalf("data %s: %v", data.String(), err)
		}
	}
	return s
}

// addJSON writes what jshn would make of one call.
func addJSON(t *testing.T, w *strings.Builder, c []string) {
	t.Helper()
	comma := func() {
		if s := w.String(); s != "" && !strings.HasSuffix(s, "{") && !strings.HasSuffix(s, "[") {
			w.WriteByte(',')
		}
	}
	switch c[0] {
	case "open_data", "close_data":
		w.WriteString(map[string]string{"open_data": "{", "close_data": "}"}[c[0]])
	case "json_add_array":
		comma()
		fmt.Fprintf(w, "%q:[", c[1])
	case "json_add_object":
		comma()
		w.WriteByte('{')
	case "json_add_string":
		comma()
		fmt.Fprintf(w, "%q:%q", c[1], c[2])
	case "json_close_object":
		w.WriteByte('}')
	case "json_close_array":
		w.WriteByte(']')
	case "close_instances", "open_triggers", "close_triggers", "close_service":
	default:
		t.Errorf("a call that nothing is known of: %q", c)
	}
}

// command is what the one instance runs, without the two flags that are
// always there.
func (s *service) command(t *testing.T) []string {
	t.Helper()
	in := s.Instances["forager"]
	if len(s.Instances) != 1 || in == nil {
		t.Fatalf("instances %v", s.Instances)
	}
	words := in.params["command"]
	if len(words) < 3 || !strings.HasPrefix(words[1], "-state-dir=") || !strings.HasPrefix(words[2], "-control=") {
		t.Fatalf("command %q", words)
	}
	return words[3:]
}

// redirects are the firewall's redirects in the data, in few words.
func (s *service) redirects() (list []string) {
	entries, _ := s.Data["firewall"].([]any)
	for _, e := range entries {
		m := e.(map[string]any)
		list = append(list, fmt.Sprint(m["type"], " ", m["target"], " ", m["family"], " ", m["src"], " ", m["proto"], " ",
			m["src_dip"], ":", m["src_dport"], " > ", m["dest_ip"], ":", m["dest_port"]))
	}
	return list
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
