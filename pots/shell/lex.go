package shell

import (
	"fmt"
	"strings"
)

// incomplete says that a command ends in its middle.
type incomplete struct {
	until string // the delimiter of the here-document that is open, if that is what it is
	strip bool   // leading tabs of that line don't count
	what  string
}

func (e *incomplete) Error() string { return "syntax error: unexpected end of file" }

// syntaxError names the token that can't stand where it stands, as ash does.
type syntaxError struct{ token string }

func (e *syntaxError) Error() string {
	switch e.token {
	case "":
		return "syntax error: unexpected end of file"
	case "\n":
		return "syntax error: unexpected newline"
	}
	return fmt.Sprintf("syntax error: unexpected \"%s\"", clip(e.token, 60))
}

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenOp
	tokenRedir // text is the operator, fd the number before it
)

type token struct {
	kind tokenKind
	text string
	fd   int
}

// lexer cuts a text into tokens. Words keep their quotes: expansion reads them
// again.
type lexer struct {
	src   string
	at    int
	final bool // no more text will come
	most  int  // nesting of substitutions

	docs []*redir // here-documents whose bodies have not come
}

// operators, the longest first.
var operators = []string{"&&", "||", ";;", "\n", ";", "&", "|", "(", ")"}

var redirections = []string{"&>>", "<<<", "<<-", "&>", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"}

// next returns the next token.
func (l *lexer) next() (token, error) {
	l.blanks()
	if l.at == len(l.src) {
		return token{}, l.finish()
	}
	rest := l.src[l.at:]
	if fd, n := ioNumber(rest); n > 0 {
		l.at += n
		op := redirection(l.src[l.at:])
		l.at += len(op)
		return token{tokenRedir, op, fd}, nil
	}
	if op := redirection(rest); op != "" {
		l.at += len(op)
		return token{tokenRedir, op, -1}, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.at += len(op)
			if op == "\n" {
				return token{tokenOp, op, 0}, l.bodies()
			}
			return token{tokenOp, op, 0}, nil
		}
	}
	n, err := wordEnd(rest, l.most)
	if err != nil {
		return token{}, err
	}
	l.at += n
	return token{tokenWord, rest[:n], 0}, nil
}

// finish is the end of the text: here-documents must have come.
func (l *lexer) finish() error {
	if len(l.docs) == 0 {
		return nil
	}
	if l.final {
		l.docs = nil
		return nil
	}
	d := l.docs[0]
	return &incomplete{until: d.until, strip: d.op == "<<-"}
}

// blanks skips spaces, joined lines and comments.
func (l *lexer) blanks() {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '\\' && strings.HasPrefix(l.src[l.at:], "\\\n"):
			l.at += 2
		case c == '#':
			if i := strings.IndexByte(l.src[l.at:], '\n'); i >= 0 {
				l.at += i
			} else {
				l.at = len(l.src)
			}
		default:
			return
		}
	}
}

// ioNumber reads the digits before a redirection.
func ioNumber(s string) (fd, n int) {
	for n < len(s) && n < 3 && isDigit(s[n]) {
		fd = fd*10 + int(s[n]-'0')
		n++
	}
	if n == 0 || n == len(s) || s[n] != '<' && s[n] != '>' {
		return 0, 0
	}
	return fd, n
}

func redirection(s string) string {
	if s == "" || s[0] != '<' && s[0] != '>' && s[0] != '&' {
		return ""
	}
	if strings.HasPrefix(s, "<(") || strings.HasPrefix(s, ">(") {
		return ""
	}
	for _, op := range redirections {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	return ""
}

// bodies reads the here-documents that begin behind this newline.
func (l *lexer) bodies() error {
	for len(l.docs) > 0 {
		d := l.docs[0]
		var body strings.Builder
		done := false
		for !done && l.at < len(l.src) {
			line, _, more := strings.Cut(l.src[l.at:], "\n")
			l.at += len(line) + b2i(more)
			if d.op == "<<-" {
				line = strings.TrimLeft(line, "\t")
			}
			if done = line == d.until; !done {
				body.WriteString(line)
				body.WriteByte('\n')
			}
		}
		if !done && !l.final {
			return &incomplete{until: d.until, strip: d.op == "<<-"}
		}
		d.body = body.String()
		l.docs = l.docs[1:]
	}
	return nil
}

// wordEnd returns the length of the word at the start of s.
func wordEnd(s string, most int) (int, error) {
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n', ';', '&', '|', '(', ')':
			return i, nil
		case '<', '>':
			if i > 0 || i+1 == len(s) || s[i+1] != '(' {
				return i, nil
			}
			n, err := skipParens(s[i+1:], most)
			if err != nil {
				return 0, err
			}
			i += 1 + n
		default:
			n, err := skipPart(s[i:], most)
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
	return len(s), nil
}

// skipPart returns the length of what stands at the start of s: a quoted part,
// a substitution or one byte.
func skipPart(s string, most int) (int, error) {
	switch s[0] {
	case '\\':
		if len(s) == 1 {
			return 0, &incomplete{what: `\`}
		}
		return 2, nil
	case '\'':
		if i := strings.IndexByte(s[1:], '\''); i >= 0 {
			return i + 2, nil
		}
		return 0, &incomplete{what: "'"}
	case '"':
		return skipQuoted(s, most)
	case '`':
		return skipBackticks(s)
	case '$':
		return skipDollar(s, most)
	}
	return 1, nil
}

func skipQuoted(s string, most int) (int, error) {
	for i := 1; i < len(s); {
		switch s[i] {
		case '"':
			return i + 1, nil
		case '\'':
			i++
		default:
			n, err := skipPart(s[i:], most)
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
	return 0, &incomplete{what: `"`}
}

func skipBackticks(s string) (int, error) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '`':
			return i + 1, nil
		}
	}
	return 0, &incomplete{what: "`"}
}

func skipDollar(s string, most int) (int, error) {
	if len(s) == 1 {
		return 1, nil
	}
	switch s[1] {
	case '(':
		n, err := skipParens(s[1:], most-1)
		return n + 1, err
	case '{':
		return skipBraces(s, most-1)
	case '\'':
		for i := 2; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '\'':
				return i + 1, nil
			}
		}
		return 0, &incomplete{what: "'"}
	}
	return 1, nil
}

// errNested is nesting that no device would stand either.
var errNested = &syntaxError{token: "("}

// skipParens returns the length of "( … )", quotes looked into.
func skipParens(s string, most int) (int, error) {
	if most <= 0 {
		return 0, errNested
	}
	open := 0
	for i := 0; i < len(s); {
		switch s[i] {
		case '(':
			open++
			i++
		case ')':
			i++
			if open--; open == 0 {
				return i, nil
			}
		case '#':
			if i > 0 && strings.IndexByte(" \t\n;(", s[i-1]) >= 0 {
				if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
					i += n
					continue
				}
			}
			i++
		default:
			n, err := skipPart(s[i:], most)
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
	return 0, &incomplete{what: "("}
}

// skipBraces returns the length of "${ … }".
func skipBraces(s string, most int) (int, error) {
	if most <= 0 {
		return 0, errNested
	}
	for i := 2; i < len(s); {
		if s[i] == '}' {
			return i + 1, nil
		}
		n, err := skipPart(s[i:], most)
		if err != nil {
			return 0, err
		}
		i += n
	}
	return 0, &incomplete{what: "{"}
}
