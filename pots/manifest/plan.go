package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"forager/board"
)

// Want is what the node wants of a pot.
type Want struct {
	PotID     string
	Dir       string            // absolute: the repository's directory joined with Pot.Directory
	At        string            // where that lies now, if it will be Dir only later; empty: there
	EventPort uint16            // the intake's
	Config    map[string]string // InstallPot's config
}

// Plan is how a pot is installed and run. Every path in Args, Env and Steps is
// below Want.Dir or the system's; a pot that moves gets a new plan by another
// call with the new Dir. Keep Args, Env and Ports instead of reading a manifest
// again in a directory that a pot has been able to write to.
type Plan struct {
	Requires []Requirement // Check them before anything else
	Dirs     []string      // below Dir, to make before the steps; Write does
	Files    []File        // below Dir, to write before the start; Write does
	Steps    []Step        // in order, with Env, in Dir
	Args     []string      // argv, in the foreground, in Dir; Args[0] is absolute
	Env      []string      // all of it, PATH and the HONEYBEE_ variables included
	Ports    []uint16      // that must answer before it is Running; below 1024 needs CAP_NET_BIND_SERVICE. May be empty
	Secrets  []string      // keys of Config whose values are never shown
	Notes    []string      // what the operator should know
}

// Step is one program of an install.
type Step struct {
	Name     string   // "dependencies"
	Args     []string // argv, no shell; Args[0] is absolute
	Timeout  time.Duration
	Optional bool // its failure is told, and no reason to stop
}

// File is a file to write.
type File struct {
	Path string // relative to Dir
	Mode fs.FileMode
	Data string
}

// Plan makes the plan of a pot that lies in w.Dir, or will.
func (p *Pot) Plan(w Want) (*Plan, error) {
	switch {
	case !plainName(w.PotID):
		return nil, fmt.Errorf("%w: pot id %s", ErrConfig, quote(w.PotID))
	case !filepath.IsAbs(w.Dir):
		return nil, fmt.Errorf("%w: directory %s is not absolute", ErrConfig, quote(w.Dir))
	case w.EventPort == 0:
		return nil, fmt.Errorf("%w: a pot that is another program delivers its events to the intake, and that is off (-intake)", ErrRequired)
	}
	root, err := os.OpenRoot(cmp.Or(w.At, w.Dir))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	b := builder{pot: p, want: w, root: root, plan: &Plan{Requires: cloneRequires(p.Requires)}}
	b.values = map[string]string{"dir": w.Dir, "id": w.PotID, "type": p.Type, "event_port": strconv.Itoa(int(w.EventPort))}
	if err := b.build(); err != nil {
		return nil, err
	}
	return b.plan, nil
}

func cloneRequires(list []Requirement) []Requirement {
	list = slices.Clone(list)
	for i := range list {
		list[i].Extensions = slices.Clone(list[i].Extensions)
	}
	return list
}

// builder makes one plan.
type builder struct {
	pot    *Pot
	want   Want
	root   *os.Root // of want.Dir
	recipe *recipe
	ports  []Port
	values map[string]string
	plan   *Plan
}

func (b *builder) build() error {
	if err := b.choose(); err != nil {
		return err
	}
	if err := b.configure(); err != nil {
		return err
	}
	venv, err := b.addInstall(b.recipe.optional)
	if err != nil {
		return err
	}
	b.addPrograms(venv)
	b.addEnv(venv)
	b.plan.Dirs = []string{tmpDir}
	for _, dir := range b.recipe.dirs {
		b.plan.Dirs = append(b.plan.Dirs, path.Clean(b.fill(dir)))
	}
	for _, f := range b.recipe.files {
		b.plan.Files = append(b.plan.Files, File{Path: f.Path, Mode: 0o600, Data: b.fillLines(f.Data)})
	}
	for _, arg := range b.recipe.args {
		b.plan.Args = append(b.plan.Args, b.fill(arg))
	}
	if p := b.recipe.eventPort; p != 0 && p != b.want.EventPort {
		b.note("%s delivers events to port %d alone, and the intake listens on %d: they will be lost (-intake)", b.pot.Type, p, b.want.EventPort)
	}
	return nil
}

// choose finds the recipe: that of the type, or one for the entry point.
func (b *builder) choose() error {
	entry := b.pot.Setup.EntryPoint
	b.recipe = recipeOf(b.pot.Type)
	switch {
	case entry != "":
	case b.recipe != nil:
		entry = b.recipe.entry
	default:
		entry = shownEntry(b.root)
		if entry == "" {
			return fmt.Errorf("%w: %s: no setup.entry_point, and none of %s", ErrManifest, b.pot.Type, strings.Join(entryPoints, ", "))
		}
	}
	if entry == "" {
		return nil
	}
	entry = path.Clean(entry)
	b.values["entry"] = entry
	if b.recipe == nil {
		b.recipe = runnerOf(entry, b.root)
	}
	if b.recipe.program == "" {
		if err := checkProgram(b.root, entry); err != nil {
			return fmt.Errorf("%w: setup.entry_point: %w", ErrManifest, err)
		}
	} else if !isFile(b.root, entry) {
		return fmt.Errorf("%w: setup.entry_point: %s is not there", ErrManifest, quote(entry))
	}
	return nil
}

func runnerOf(entry string, root *os.Root) *recipe {
	i := slices.IndexFunc(runners, func(r recipe) bool {
		return strings.HasSuffix(entry, r.suffix) && !(r.web && listens(root, entry))
	})
	return &runners[i] // the last takes all
}

// listenWords are in a PHP program that is a server by itself; one without
// them answers requests, and PHP's own server runs it.
var listenWords = []string{"stream_socket_server", "socket_create_listen", "socket_listen", "socket_bind"}

func listens(root *os.Root, file string) bool {
	data, err := readFile(root, file, MaxSize)
	return err == nil && slices.ContainsFunc(listenWords, func(w string) bool { return strings.Contains(string(data), w) })
}

// addPrograms finds what runs the pot.
func (b *builder) addPrograms(venv bool) {
	if b.recipe.program != "" {
		b.require(b.recipe.program)
	}
	b.values["python"] = programPath(pythonProgram)
	b.values["php"] = programPath(phpProgram)
	b.values["node"] = programPath(nodeProgram)
	if venv {
		b.values["python"] = b.venvPython()
	}
}

// programPath is where a program is, or would be: that it is missing is for
// Check to tell.
func programPath(name string) string {
	if file, err := board.Program(name, ""); err == nil {
		return file
	}
	return "/usr/bin/" + name
}

// require adds to the requirements.
func (b *builder) require(program string, extensions ...string) {
	list := b.plan.Requires
	i := slices.IndexFunc(list, func(r Requirement) bool { return r.Program == program })
	if i < 0 {
		b.plan.Requires = append(list, Requirement{Program: program, Extensions: extensions})
		return
	}
	list[i].Extensions = append(list[i].Extensions, extensions...)
}

// addEnv makes the whole environment of a pot and of its steps.
func (b *builder) addEnv(venv bool) {
	search := board.SystemPath
	if venv {
		search = filepath.Join(b.want.Dir, venvDir, "bin") + ":" + search
	}
	b.plan.Env = []string{
		"PATH=" + search, "HOME=" + b.want.Dir, "TMPDIR=" + filepath.Join(b.want.Dir, tmpDir), "LANG=C.UTF-8", "PYTHONUNBUFFERED=1",
		"HONEYBEE_EVENT_PORT=" + b.values["event_port"], "HONEYBEE_POT_ID=" + b.want.PotID, "HONEYBEE_HONEYPOT_TYPE=" + b.pot.Type,
	}
	for _, e := range b.recipe.env {
		b.plan.Env = append(b.plan.Env, b.fill(e))
	}
	if b.recipe.typ != "" {
		return
	}
	own := []string{}
	for key, value := range b.values {
		switch {
		case slices.Contains(reserved, key) || key == "pot_id":
			continue
		case strings.HasSuffix(key, pathSuffix):
			value = filepath.Join(b.want.Dir, filepath.FromSlash(value))
		}
		own = append(own, "HONEYBEE_"+strings.ToUpper(key)+"="+value)
	}
	slices.Sort(own)
	b.plan.Env = append(b.plan.Env, own...)
}

func (b *builder) note(format string, args ...any) {
	b.plan.Notes = append(b.plan.Notes, fmt.Sprintf(format, args...))
}

// fill puts the values into a text of a recipe.
func (b *builder) fill(text string) string {
	s, missing := b.replace(text)
	if missing != "" {
		panic("BUG: recipe without a value for " + missing)
	}
	return s
}

// fillLines does it line by line; one whose value is not given is left out.
func (b *builder) fillLines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if s, missing := b.replace(line); missing == "" {
			out.WriteString(s)
		}
	}
	return out.String()
}

func (b *builder) replace(text string) (s, missing string) {
	for {
		before, rest, ok := strings.Cut(text, "{")
		s += before
		if !ok {
			return s, missing
		}
		var key string
		key, text, _ = strings.Cut(rest, "}")
		value, ok := b.values[key]
		if !ok {
			missing = key
		}
		s += value
	}
}

// Write makes the directories and files of the plan in a directory of the
// repository (Pot.Directory) and gives them to uid (0: to nobody else). It
// follows no link out of the directory, and replaces a file that is there. The
// pot's own programs may have run in it: repository is the last part of the
// way that is ours.
func (p *Plan) Write(repository, directory string, uid uint32) error {
	top, err := os.OpenRoot(repository)
	if err != nil {
		return err
	}
	defer top.Close()
	directory = filepath.FromSlash(directory)
	if info, err := top.Lstat(directory); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: not a directory of the repository", quote(directory))
	}
	r, err := top.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, d := range p.Dirs {
		if err := makeDirs(r, d, uid); err != nil {
			return err
		}
	}
	for _, f := range p.Files {
		if err := makeDirs(r, path.Dir(f.Path), uid); err != nil {
			return err
		}
		if err := writeFile(r, f, uid); err != nil {
			return err
		}
	}
	return nil
}

// makeDirs makes a directory and those above it, and gives away what it made.
func makeDirs(r *os.Root, dir string, uid uint32) error {
	if dir == "." {
		return nil
	}
	if err := makeDirs(r, path.Dir(dir), uid); err != nil {
		return err
	}
	err := r.Mkdir(filepath.FromSlash(dir), 0o700)
	if errors.Is(err, fs.ErrExist) {
		info, err := r.Stat(filepath.FromSlash(dir))
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s: not a directory", dir)
		}
		return err
	}
	if err == nil && uid != 0 {
		err = r.Lchown(filepath.FromSlash(dir), int(uid), int(uid))
	}
	return err
}

func writeFile(r *os.Root, f File, uid uint32) error {
	name := filepath.FromSlash(f.Path)
	if err := r.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode)
	if err != nil {
		return err
	}
	_, err = out.WriteString(f.Data)
	if err == nil && uid != 0 {
		err = out.Chown(int(uid), int(uid))
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
