package manifest

// recipe is what a manifest can't say of a pot: how it is configured and run.
// {name} in its texts stands for a value: dir, id, type, event_port, entry,
// listen (the port named http, else the first), the programs python, php and
// node, and the keys of InstallPot's config (<port>_port has the default port's
// number, a path its default). A line of a file whose value is not given is
// left out.
type recipe struct {
	typ      string      // of the pot; for runners empty
	suffix   string      // of the entry point; for runners
	web      bool        // for runners: the entry point opens no socket to listen on
	entry    string      // what it runs when setup.entry_point does not say; "": none
	program  string      // that it needs
	ports    []Port      // that it listens on, when the manifest does not say where; a recipe for a type takes no others
	paths    [][2]string // keys of config that are paths below dir, and their defaults
	keys     []string    // further keys that it uses
	optional bool        // it runs without its setup.install too
	// eventPort is fixed in its source; 0: it takes the intake's.
	eventPort uint16
	dirs      []string
	files     []File
	args, env []string
}

// phpLock moves a file that PHP's own server can't start without from /tmp,
// where a pot writes nothing.
const phpLock = "opcache.lockfile_path={dir}/" + tmpDir

// recipes are those of known honeypots.
var recipes = []recipe{
	{
		// Its own defaults come from etc/cowrie.cfg.dist; what is written here wins.
		// -m twisted runs in the foreground and logs to stdout.
		typ:     "cowrie",
		program: pythonProgram,
		ports:   []Port{{"ssh", 2222}, {"telnet", 2223}},
		paths:   [][2]string{{"log_path", "var/log/cowrie"}, {"data_path", "var/lib/cowrie"}},
		keys:    []string{"hostname"},
		dirs:    []string{"{log_path}", "{data_path}/tty", "{data_path}/downloads", "var/run"},
		files: []File{{Path: "etc/cowrie.cfg", Data: `[honeypot]
hostname = {hostname}
log_path = {log_path}
state_path = {data_path}
download_path = {data_path}/downloads
ttylog_path = {data_path}/tty

[ssh]
enabled = true
listen_endpoints = tcp:{ssh_port}:interface=0.0.0.0

[telnet]
enabled = true
listen_endpoints = tcp:{telnet_port}:interface=0.0.0.0

[output_honeybee]
enabled = true
address = 127.0.0.1:{event_port}
honeypot_id = {id}
timeout = 5
`}},
		args: []string{"{python}", "-m", "twisted", "--log-format=text", "cowrie"},
		env:  []string{"PYTHONPATH={dir}/src"},
	},
	{
		// Its install.sh prepares a web server's installation; standalone.php
		// needs nothing built.
		typ:       "honnypotter",
		entry:     "standalone.php",
		program:   phpProgram,
		ports:     []Port{{"http", 8080}},
		paths:     [][2]string{{"log_path", "var/honnypotter.log"}},
		optional:  true,
		eventPort: 9100,
		dirs:      []string{"var"},
		args:      []string{"{php}", "-d", phpLock, "-S", "0.0.0.0:{listen}", "-t", "{dir}", "{dir}/{entry}"},
		// What it sees goes to the intake; a log of it beside that would wear the
		// flash.
		env: []string{"HONEYBEE_ENABLE=true", "HONEYBEE_ENABLE_FILE_LOG=false", "HONEYBEE_LOG_FILE={dir}/{log_path}"},
	},
}

// runners are for all others, by the entry point's name; the first that fits.
// Such a pot gets its config as HONEYBEE_<KEY>.
var runners = []recipe{
	{suffix: ".py", program: pythonProgram, args: []string{"{python}", "{dir}/{entry}"}},
	{
		suffix: ".php", web: true, program: phpProgram, ports: []Port{{"http", 8080}},
		args: []string{"{php}", "-d", phpLock, "-S", "0.0.0.0:{listen}", "-t", "{dir}", "{dir}/{entry}"},
	},
	{suffix: ".php", program: phpProgram, args: []string{"{php}", "{dir}/{entry}"}},
	{suffix: ".js", program: nodeProgram, args: []string{"{node}", "{dir}/{entry}"}},
	{suffix: "", args: []string{"{dir}/{entry}"}}, // a program or script of its own
}

// defaultKeys are the Potstore's supported_config_keys, for a manifest that
// names none.
var defaultKeys = []string{"ssh_port", "telnet_port", "http_port", "https_port", "hostname", "log_path", "data_path", "pot_id"}

func recipeOf(typ string) *recipe {
	for i := range recipes {
		if recipes[i].typ == typ {
			return &recipes[i]
		}
	}
	return nil
}
