package board

import "os"

// Protection is what a node gives up before strangers talk to it.
type Protection struct {
	Account  string       // whom to become, as CheckAccount takes it; empty: nobody else
	Accounts Accounts     // where that is found
	StateDir string       // the account's from then on
	Socket   string       // the control socket; the account's too. Empty: none
	Files    []*os.File   // open; the account's too
	Keep     Capabilities // what is needed after the start

	Sandbox bool   // capabilities, no new privileges, Landlock, seccomp
	Full    bool   // this node starts other programs
	Access  Access // files and ports, for Landlock
	Packets bool   // sockets that see whole packets
}

// Protected is what came of it, in words: what the kernel does not tell of a
// process that asks.
type Protected struct {
	Landlock string // "ABI 7", or why not
	Seccomp  string // which list, or why not
	Confined bool   // files are forbidden, now and for whom a restart brings
}
