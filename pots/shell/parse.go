package shell

import (
	"errors"
	"strconv"
	"strings"
)

// nodeKind is what a node of the tree is.
type nodeKind uint8

const (
	nodeSimple nodeKind = iota
	nodePipe            // kids | kids
	nodeAndOr           // kids with ops between them: '&' for &&, '|' for ||
	nodeList            // kids, each followed by its op: ';' or '&'
	nodeSubshell
	nodeGroup
	nodeIf    // kids: condition, then, [condition, then]…, [else]
	nodeWhile // kids: condition, body
	nodeUntil
	nodeFor  // words: name, list; kids: body
	nodeCase // words: subject; arms
	nodeFunc // words: name; kids: body
)

// node is a command. Words are raw: quotes and substitutions as typed.
type node struct {
	kind    nodeKind
	not     bool // ! in front of a pipeline
	all     bool // a for without "in": over the arguments
	cost    int  // of the root: about how many bytes the tree takes
	ops     []byte
	words   []string
	assigns []string
	redirs  []*redir
	kids    []*node
	arms    []arm
}

// arm is one pattern list of a case.
type arm struct {
	patterns []string
	body     *node
}

// redir is a redirection.
type redir struct {
	fd    int
	op    string
	word  string
	until string // of a here-document: its delimiter without quotes
	body  string
	plain bool // the delimiter was quoted: no expansion in the body
}

// Limits of one tree: an attacker's line must not become megabytes.
const (
	maxParse = 40   // how deep commands may stand in each other
	maxNodes = 6000 // commands
	nodeCost = 256  // bytes of one with its slices, about
)

var errTooMany = errors.New("out of memory")

// parser builds the tree.
type parser struct {
	lex   lexer
	tok   token
	depth int
	nodes int
}

// parse reads a command. final says that nothing follows: then what is open is
// an error, otherwise an *incomplete. most is how deep substitutions may nest.
func parse(src string, final bool, most int) (*node, error) {
	p := &parser{lex: lexer{src: src, final: final, most: most + 1}}
	err := p.advance()
	if err != nil {
		return nil, err
	}
	n, err := p.list()
	if err == nil && p.tok.kind != tokenEnd {
		err = &syntaxError{p.tok.text}
	}
	if err == nil {
		n.cost = p.nodes * nodeCost
	}
	return n, err
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

// fail is what a wrong token means: at the end, that more must come.
func (p *parser) fail() error {
	if p.tok.kind == tokenEnd {
		if p.lex.final {
			return &syntaxError{}
		}
		return &incomplete{}
	}
	return &syntaxError{p.tok.text}
}

func (p *parser) isOp(op string) bool { return p.tok.kind == tokenOp && p.tok.text == op }

func (p *parser) isWord(w string) bool { return p.tok.kind == tokenWord && p.tok.text == w }

func (p *parser) isEnd(w ...string) bool {
	for _, w := range w {
		if p.isWord(w) {
			return true
		}
	}
	return false
}

func (p *parser) expect(word string) error {
	if !p.isWord(word) {
		return p.fail()
	}
	return p.advance()
}

func (p *parser) newlines() error {
	for p.isOp("\n") {
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

// closers end a list: the words that close or go on with a compound command.
var closers = []string{"then", "else", "elif", "fi", "do", "done", "esac", "}"}

// list reads commands up to a closer, a parenthesis or the end.
func (p *parser) list() (*node, error) {
	if p.depth++; p.depth > maxParse {
		return nil, errNested
	}
	defer func() { p.depth-- }()
	n := &node{kind: nodeList}
	for {
		if err := p.newlines(); err != nil {
			return nil, err
		}
		if p.tok.kind == tokenEnd || p.isOp(")") || p.isOp(";;") || p.isEnd(closers...) {
			return n, nil
		}
		kid, err := p.andOr()
		if err != nil {
			return nil, err
		}
		op := byte(';')
		if p.isOp("&") {
			op = '&'
		}
		n.kids, n.ops = append(n.kids, kid), append(n.ops, op)
		switch {
		case p.isOp(";") || p.isOp("&") || p.isOp("\n"):
			err = p.advance()
		case p.tok.kind == tokenEnd || p.isOp(")") || p.isOp(";;"):
		default:
			err = p.fail()
		}
		if err != nil {
			return nil, err
		}
	}
}

// body is a list that must not be empty.
func (p *parser) body() (*node, error) {
	n, err := p.list()
	if err == nil && len(n.kids) == 0 {
		err = p.fail()
	}
	return n, err
}

func (p *parser) andOr() (*node, error) {
	first, err := p.pipeline()
	if err != nil || !p.isOp("&&") && !p.isOp("||") {
		return first, err
	}
	n := &node{kind: nodeAndOr, kids: []*node{first}}
	for p.isOp("&&") || p.isOp("||") {
		n.ops = append(n.ops, p.tok.text[0])
		kid, err := p.after((*parser).pipeline)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

// after skips the operator and newlines, and reads on.
func (p *parser) after(read func(*parser) (*node, error)) (*node, error) {
	err := p.advance()
	if err == nil {
		err = p.newlines()
	}
	if err != nil {
		return nil, err
	}
	return read(p)
}

func (p *parser) pipeline() (*node, error) {
	not := false
	for p.isWord("!") {
		not = !not
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	first, err := p.command()
	if err != nil {
		return nil, err
	}
	if !p.isOp("|") {
		first.not = first.not != not
		return first, nil
	}
	n := &node{kind: nodePipe, not: not, kids: []*node{first}}
	for p.isOp("|") {
		kid, err := p.after((*parser).command)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

// command reads a compound command with its redirections, or a simple one.
func (p *parser) command() (*node, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, errTooMany
	}
	read := p.compound()
	if read == nil {
		if p.isEnd(closers...) {
			return nil, p.fail()
		}
		return p.simple()
	}
	n, err := read()
	for err == nil && p.tok.kind == tokenRedir {
		err = p.redir(n)
	}
	return n, err
}

// arm reads "pattern | pattern ) list ;;".
func (p *parser) arm(n *node) error {
	if p.isOp("(") {
		if err := p.advance(); err != nil {
			return err
		}
	}
	var a arm
	for {
		if p.tok.kind != tokenWord {
			return p.fail()
		}
		a.patterns = append(a.patterns, p.tok.text)
		if err := p.advance(); err != nil {
			return err
		}
		if p.isOp(")") {
			break
		}
		if !p.isOp("|") {
			return p.fail()
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	if err := p.advance(); err != nil {
		return err
	}
	body, err := p.list()
	if err != nil {
		return err
	}
	a.body = body
	n.arms = append(n.arms, a)
	if p.isOp(";;") {
		return p.advance()
	}
	if !p.isWord("esac") {
		return p.fail()
	}
	return nil
}

// simple reads assignments, words and redirections, or a function.
func (p *parser) simple() (*node, error) {
	n := &node{kind: nodeSimple}
	for {
		switch {
		case p.tok.kind == tokenRedir:
			if err := p.redir(n); err != nil {
				return nil, err
			}
			continue
		case p.tok.kind == tokenWord && len(n.words) == 0 && isAssign(p.tok.text):
			n.assigns = append(n.assigns, p.tok.text)
		case p.tok.kind == tokenWord:
			n.words = append(n.words, p.tok.text)
		case p.isOp("(") && len(n.words) == 1 && len(n.assigns)+len(n.redirs) == 0 && isName(n.words[0]):
			return p.function(n.words[0])
		default:
			if len(n.words)+len(n.assigns)+len(n.redirs) == 0 {
				return nil, p.fail()
			}
			return n, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if len(n.words) == 2 && n.words[0] == "function" && (p.isWord("{") || p.isOp("(")) && isName(n.words[1]) {
			return p.function(n.words[1])
		}
	}
}

// redir reads the redirection at hand.
func (p *parser) redir(n *node) error {
	r := &redir{fd: p.tok.fd, op: p.tok.text}
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind != tokenWord {
		return p.fail()
	}
	r.word = p.tok.text
	if r.op == "<<" || r.op == "<<-" {
		r.until, r.plain = unquoteWord(r.word)
		p.lex.docs = append(p.lex.docs, r)
	}
	n.redirs = append(n.redirs, r)
	return p.advance()
}

// unquoteWord takes the quotes off a delimiter.
func unquoteWord(w string) (string, bool) {
	if !strings.ContainsAny(w, `\'"`) {
		return w, false
	}
	return strings.NewReplacer(`\`, "", `'`, "", `"`, "").Replace(w), true
}

// isAssign tells whether a word is NAME=value.
func isAssign(w string) bool {
	name, _, ok := strings.Cut(w, "=")
	return ok && isName(strings.TrimSuffix(name, "+"))
}

func isName(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && s[i] != '_' && (i == 0 || !isDigit(s[i])) {
			return false
		}
	}
	return s != ""
}

// size is about what a tree costs in memory, in bytes.
func (n *node) size() int {
	if n == nil {
		return 0
	}
	total := nodeCost
	for _, list := range [][]string{n.words, n.assigns} {
		for _, w := range list {
			total += 16 + len(w)
		}
	}
	for _, r := range n.redirs {
		total += 96 + len(r.word) + len(r.body)
	}
	for _, k := range n.kids {
		total += k.size()
	}
	for _, a := range n.arms {
		total += 64 + a.body.size()
		for _, w := range a.patterns {
			total += 16 + len(w)
		}
	}
	return total
}

// atoi reads a small number.
func atoi(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}
