package cmds

import "strings"

// seccompModes are the kernel's, from -1.
var seccompModes = [...]string{"not in the kernel", "no filter", "strict", "a filter"}

// rights are asked of the kernel each time, so that they are what is, not what
// was meant.
func (r *Report) rights(s *screen) {
	p, err := r.Machine.Rights()
	if err != nil {
		s.line("user", "unknown: %q", err.Error())
	} else {
		s.line("user", "%d:%d", p.UID, p.GID)
		s.line("groups", "%s", or(strings.Join(p.Groups, " "), "none"))
		s.line("capabilities", "%v", p.Effective)
		s.line("capabilities bound", "%v", p.Bounding)
		s.line("no new privileges", "%s", onOff(p.NoNewPrivs))
	}
	s.line("landlock", "%s", or(r.Protected.Landlock, "off"))
	mode := "unknown"
	if err == nil {
		mode = seccompModes[max(0, min(p.Seccomp+1, len(seccompModes)-1))]
	}
	s.line("seccomp", "%s, %s", or(r.Protected.Seccomp, "off"), mode)
}
