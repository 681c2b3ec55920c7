package shell

// compound chooses how the command at hand is read.
func (p *parser) compound() func() (*node, error) {
	switch {
	case p.isOp("("):
		return p.subshell
	case p.isWord("{"):
		return p.group
	case p.isWord("if"):
		return p.ifElse
	case p.isWord("while") || p.isWord("until"):
		return p.while
	case p.isWord("for"):
		return p.forIn
	case p.isWord("case"):
		return p.caseIn
	}
	return nil
}

func (p *parser) subshell() (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	body, err := p.body()
	if err == nil && !p.isOp(")") {
		err = p.fail()
	}
	if err == nil {
		err = p.advance()
	}
	return &node{kind: nodeSubshell, kids: []*node{body}}, err
}

func (p *parser) group() (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	body, err := p.body()
	if err == nil {
		err = p.expect("}")
	}
	return &node{kind: nodeGroup, kids: []*node{body}}, err
}

// part reads one list behind the word at hand and expects another word.
func (p *parser) part(n *node, then string) error {
	err := p.advance()
	if err != nil {
		return err
	}
	body, err := p.body()
	if err != nil {
		return err
	}
	n.kids = append(n.kids, body)
	if then != "" && !p.isWord(then) {
		return p.fail()
	}
	return nil
}

func (p *parser) ifElse() (*node, error) {
	n := &node{kind: nodeIf}
	for {
		if err := p.part(n, "then"); err != nil {
			return nil, err
		}
		if err := p.part(n, ""); err != nil {
			return nil, err
		}
		if !p.isWord("elif") {
			break
		}
	}
	if p.isWord("else") {
		if err := p.part(n, "fi"); err != nil {
			return nil, err
		}
	}
	return n, p.expect("fi")
}

func (p *parser) while() (*node, error) {
	n := &node{kind: nodeWhile}
	if p.isWord("until") {
		n.kind = nodeUntil
	}
	if err := p.part(n, "do"); err != nil {
		return nil, err
	}
	if err := p.part(n, "done"); err != nil {
		return nil, err
	}
	return n, p.expect("done")
}

func (p *parser) forIn() (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenWord {
		return nil, p.fail()
	}
	n := &node{kind: nodeFor, words: []string{p.tok.text}, all: true}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.newlines(); err != nil {
		return nil, err
	}
	if p.isWord("in") {
		n.all = false
		if err := p.wordsInto(n); err != nil {
			return nil, err
		}
	}
	for p.isOp(";") || p.isOp("\n") {
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if !p.isWord("do") {
		return nil, p.fail()
	}
	if err := p.part(n, "done"); err != nil {
		return nil, err
	}
	return n, p.expect("done")
}

// wordsInto reads the words behind the one at hand.
func (p *parser) wordsInto(n *node) error {
	for {
		if err := p.advance(); err != nil || p.tok.kind != tokenWord {
			return err
		}
		n.words = append(n.words, p.tok.text)
	}
}

func (p *parser) caseIn() (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenWord {
		return nil, p.fail()
	}
	n := &node{kind: nodeCase, words: []string{p.tok.text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.newlines(); err != nil {
		return nil, err
	}
	if err := p.expect("in"); err != nil {
		return nil, err
	}
	for {
		if err := p.newlines(); err != nil {
			return nil, err
		}
		if p.isWord("esac") {
			return n, p.advance()
		}
		if err := p.arm(n); err != nil {
			return nil, err
		}
	}
}

// function reads "() body" behind a name.
func (p *parser) function(name string) (*node, error) {
	if p.isOp("(") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.isOp(")") {
			return nil, p.fail()
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if err := p.newlines(); err != nil {
		return nil, err
	}
	if p.depth++; p.depth > maxParse {
		return nil, errNested
	}
	defer func() { p.depth-- }()
	body, err := p.command()
	return &node{kind: nodeFunc, words: []string{name}, kids: []*node{body}}, err
}
