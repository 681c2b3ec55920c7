package scp

import (
	"path"
	"strings"
)

// Command is what a client asked for: `scp -t PATH` or `scp -f PATH`.
type Command struct {
	Take bool // -t: we take files; else -f: we give them
	Path string
}

// ParseCommand tells whether a command line is a plain call of scp as a client
// makes it. Anything that a shell would have to look at is none.
func ParseCommand(line string) (c Command, ok bool) {
	if strings.ContainsAny(line, ";&|<>$`()\n*?[{") {
		return c, false
	}
	words := split(line)
	if len(words) < 3 || path.Base(words[0]) != "scp" {
		return c, false
	}
	words = words[1:]
	mode := byte(0)
	for len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-' {
		if words[0] == "--" {
			words = words[1:]
			break
		}
		for _, flag := range []byte(words[0][1:]) {
			if flag == 't' || flag == 'f' {
				mode = flag
			}
		}
		words = words[1:]
	}
	if mode == 0 || len(words) != 1 {
		return c, false
	}
	return Command{mode == 't', words[0]}, true
}

// split cuts a line into words; quotes and backslashes keep blanks.
func split(line string) (words []string) {
	var word []byte
	quote, begun := byte(0), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word, begun = append(word, line[i]), true
		case quote == 0 && (c == ' ' || c == '\t'):
			if begun {
				words, word, begun = append(words, string(word)), nil, false
			}
		default:
			word, begun = append(word, c), true
		}
	}
	if begun {
		words = append(words, string(word))
	}
	return words
}
