package shell

import "strings"

// Prompt returns what the shell shows when it waits for a line.
func (s *Shell) Prompt() string {
	if len(s.held) > 0 {
		return "> "
	}
	ps1, ok := s.vars["PS1"]
	if !ok {
		if ps1 = s.cfg.Prompt; ps1 == "" {
			ps1 = s.p.Get("prompt")
		}
	}
	if ps1 == "" {
		ps1 = `\$ `
	}
	return s.promptText(ps1)
}

func (s *Shell) promptText(ps1 string) string {
	if !strings.Contains(ps1, `\`) {
		return ps1
	}
	var b strings.Builder
	for i := 0; i < len(ps1); i++ {
		if ps1[i] != '\\' || i+1 == len(ps1) {
			b.WriteByte(ps1[i])
			continue
		}
		i++
		switch ps1[i] {
		case 'u':
			b.WriteString(s.user.Name)
		case 'h', 'H':
			b.WriteString(s.hostname())
		case 'w':
			b.WriteString(s.tilde())
		case 'W':
			b.WriteString(baseName(s.tilde()))
		case '$':
			b.WriteByte("$#"[b2i(s.user.UID == 0)])
		case '[', ']':
		default:
			b.WriteByte(ps1[i])
		}
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tilde is the working directory as prompts show it.
func (s *Shell) tilde() string {
	if s.cwd == s.user.Home && s.cwd != "/" {
		return "~"
	}
	if rest, ok := strings.CutPrefix(s.cwd, s.user.Home+"/"); ok && s.user.Home != "/" {
		return "~/" + rest
	}
	return s.cwd
}

func (s *Shell) hostname() string {
	if h, ok := s.vars["\x00hostname"]; ok {
		return h
	}
	return s.p.Hostname
}
