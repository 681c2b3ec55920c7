package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long the steps of an install may take. A Raspberry Pi that compiles
// what pip found no wheel for takes a quarter of an hour.
const (
	venvTime    = 5 * time.Minute
	installTime = 30 * time.Minute
)

// The directories of ours in a pot's.
const (
	ownDir  = ".forager"
	venvDir = ownDir + "/venv"
	tmpDir  = ownDir + "/tmp"
)

// tool says who does an install.
type tool int

const (
	toolNone tool = iota
	toolPip
	toolVenv
	toolComposer
	toolNPM
	toolScript
)

// forms are the lines of setup.install that are taken, in words; FILE stands
// for a path in the pot's directory. All others are refused: no line of a
// stranger ever meets a shell.
var forms = []struct {
	words string
	tool  tool
}{
	{"pip install -r FILE", toolPip},
	{"pip3 install -r FILE", toolPip},
	{"python -m pip install -r FILE", toolPip},
	{"python3 -m pip install -r FILE", toolPip},
	{"python -m venv FILE", toolVenv},
	{"python3 -m venv FILE", toolVenv},
	{"composer install", toolComposer},
	{"npm ci", toolNPM},
}

// dropped are options that change nothing for us, or are ours to choose.
var dropped = []string{
	"--no-cache-dir", "--upgrade", "-U", "--quiet", "-q", "--user",
	"--no-dev", "--no-interaction", "-n", "--prefer-dist", "--optimize-autoloader",
	"--omit=dev", "--production", "--no-audit", "--no-fund",
}

// install is a line of setup.install, understood.
type install struct {
	tool tool
	file string // the requirements, or the script
}

// readInstall understands a line of setup.install.
func readInstall(line string) (install, error) {
	refuse := func(why string) (install, error) {
		return install{}, fmt.Errorf("%w: %s: %s", ErrInstall, quote(line), why)
	}
	for i := range len(line) {
		if c := line[i]; !plain(c) && c != '/' && c != '=' && c != ' ' {
			return refuse(fmt.Sprintf("%s: it would need a shell, and none is run", quote(string(rune(c)))))
		}
	}
	words := slices.DeleteFunc(strings.Fields(line), func(w string) bool { return slices.Contains(dropped, w) })
	if len(words) == 0 {
		return install{}, nil
	}
	if script, ok := strings.CutPrefix(words[0], "./"); ok && len(words) == 1 {
		if err := checkPath(script); err != nil {
			return refuse(err.Error())
		}
		return install{toolScript, path.Clean(script)}, nil
	}
	for _, f := range forms {
		file, ok := match(strings.Fields(f.words), words)
		if !ok {
			continue
		}
		if file != "" {
			if err := checkPath(file); err != nil {
				return refuse(err.Error())
			}
		}
		return install{f.tool, file}, nil
	}
	return refuse("not one of pip install -r FILE, python -m venv DIR, composer install, npm ci, ./SCRIPT")
}

// match compares words with a form and returns the word at FILE.
func match(form, words []string) (file string, ok bool) {
	if len(form) != len(words) {
		return "", false
	}
	for i, w := range words {
		if form[i] == "FILE" {
			file = w
		} else if form[i] != w {
			return "", false
		}
	}
	return file, true
}

// addInstall puts the steps of an install into a plan, and tells whether they
// make a virtual environment.
func (b *builder) addInstall(optional bool) (venv bool, err error) {
	in, err := readInstall(b.pot.Setup.Install)
	if err != nil {
		return false, err
	}
	switch in.tool {
	case toolPip:
		return b.addPip(in.file)
	case toolVenv:
		b.addVenv()
		return true, nil
	case toolComposer:
		b.require(phpProgram)
		b.addTool(composerProgram, "install", "--no-dev", "--no-interaction", "--no-progress")
	case toolNPM:
		b.require(nodeProgram)
		b.addTool(npmProgram, "ci", "--omit=dev", "--no-audit", "--no-fund")
	case toolScript:
		return false, b.addScript(in.file, optional)
	}
	return false, nil
}

// addPip makes an environment of the pot's own, unless its list is empty:
// one takes 10 MB of flash.
func (b *builder) addPip(file string) (venv bool, err error) {
	data, err := readFile(b.root, file, MaxSize)
	if err != nil {
		return false, fmt.Errorf("%w: %s: %w", ErrInstall, quote(b.pot.Setup.Install), err)
	}
	if !lists(string(data)) {
		return false, nil
	}
	b.addVenv()
	b.step("dependencies", installTime, b.venvPython(), "-m", "pip", "install", "--no-input",
		"--disable-pip-version-check", "--no-cache-dir", "--progress-bar", "off", "-r", filepath.FromSlash(file))
	return true, nil
}

// lists tells whether there is anything but comments in a list of
// requirements.
func lists(data string) bool {
	for line := range strings.Lines(data) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return true
		}
	}
	return false
}

func (b *builder) addVenv() {
	b.require(pythonProgram, "venv", "ensurepip")
	b.step("virtual environment", venvTime, programPath(pythonProgram), "-m", "venv", "--clear", filepath.Join(b.want.Dir, venvDir))
}

func (b *builder) venvPython() string { return filepath.Join(b.want.Dir, venvDir, "bin", "python") }

func (b *builder) addTool(program string, args ...string) {
	b.require(program)
	b.step("dependencies", installTime, append([]string{programPath(program)}, args...)...)
}

// addScript takes a script of the pot's own, which runs as confined as the
// pot itself.
func (b *builder) addScript(file string, optional bool) error {
	err := checkProgram(b.root, file)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInstall, quote(b.pot.Setup.Install), err)
	}
	b.step("install script", installTime, filepath.Join(b.want.Dir, filepath.FromSlash(file)))
	b.plan.Steps[len(b.plan.Steps)-1].Optional = optional
	return nil
}

func (b *builder) step(name string, timeout time.Duration, args ...string) {
	b.plan.Steps = append(b.plan.Steps, Step{Name: name, Args: args, Timeout: timeout})
}

// checkProgram tells why a file of the pot's directory can't be run: it must
// be a regular file of its own, executable, and begin with #! or be an ELF.
func checkProgram(r *os.Root, file string) error {
	info, err := r.Lstat(filepath.FromSlash(file))
	if err != nil {
		return fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", file)
	}
	if info.Mode().Perm()&0o100 == 0 {
		return fmt.Errorf("%s: not executable", file)
	}
	head, err := readHead(r, file)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(head, "#!/") && !strings.HasPrefix(head, "\x7fELF") {
		return fmt.Errorf("%s: begins with neither #!/ nor an ELF header", file)
	}
	return nil
}

func readHead(r *os.Root, file string) (string, error) {
	f, err := r.Open(filepath.FromSlash(file))
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.Read(head)
	return string(head[:n]), nil
}
