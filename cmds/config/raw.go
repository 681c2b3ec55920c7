package config

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peterbourgon/ff/v3"
)

// DefaultFile is the file that is read when -c names none; it may be absent.
const DefaultFile = "/etc/forager/forager.conf"

// maxValues is how often one option may be repeated.
const maxValues = 64

// raw is the first stage: texts as they were found.
type raw struct {
	file   string // read, or empty
	values map[string][]found
}

// found is one text and its place, for errors.
type found struct {
	text  string
	place string // "-core", "FORAGER_CORE", "forager.conf:3" or "default"
}

// of returns an option's values, or its default.
func (r *raw) of(o *option) []found {
	if v, ok := r.values[o.name]; ok {
		return v
	}
	if o.standard == "" {
		return nil
	}
	return []found{{o.standard, "default"}}
}

// reader collects the first stage; where is what is being read.
type reader struct {
	raw
	where func(o *option) string
	err   error
}

// read takes the flags first, then lets ff add environment and file: so every
// value knows its place.
func read(args []string) (*raw, error) {
	r := &reader{raw: raw{values: make(map[string][]found)}}
	fs := flag.NewFlagSet("forager", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	file := fs.String("c", DefaultFile, "")
	for _, o := range options {
		fs.Var(&input{r, o}, o.name, "")
	}
	r.where = func(o *option) string { return "-" + o.name }
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("argument %q: a command goes before the options, and an option begins with -", fs.Arg(0))
	}
	named := os.Getenv("FORAGER_C") != ""
	fs.Visit(func(f *flag.Flag) { named = named || f.Name == "c" })
	r.where = (*option).env
	err := ff.Parse(fs, nil, ff.WithEnvVarPrefix("FORAGER"), ff.WithConfigFileVia(file),
		ff.WithAllowMissingConfigFile(!named), ff.WithConfigFileParser(func(f io.Reader, set func(string, string) error) error {
			r.file = *file
			return r.readFile(f, set)
		}))
	if err != nil && r.file == "" { // could not be opened
		err = fmt.Errorf("%w (-c)", err)
	}
	if err == nil {
		err = r.err
	}
	return &r.raw, err
}

// readFile is ff's parser: it gives each line of the file to set.
func (r *reader) readFile(f io.Reader, set func(name, value string) error) error {
	return parseFile(f, func(n int, name, text string, bare bool) error {
		place := fmt.Sprintf("%s:%d", r.file, n)
		o := lookup(name)
		switch {
		case name == "c":
			return fmt.Errorf("%s: c: the file can't name another one", place)
		case o == nil && lookup(strings.TrimLeft(name, "-")) != nil:
			return fmt.Errorf("%s: option %q: write it without the -", place, cut(name))
		case o == nil:
			return fmt.Errorf("%s: no option %q (forager -h lists them)", place, cut(name))
		case bare && o.kind == boolean:
			text = "true"
		}
		r.where = func(*option) string { return place }
		return set(name, text)
	}, func(n int, err error) error { return fmt.Errorf("%s:%d: %w (-c)", r.file, n, err) })
}

// input is an option as the flag package sees it.
type input struct {
	r *reader
	o *option
}

// String is for the flag package, which also calls it on a zero input.
func (in *input) String() string { return "" }

// IsBoolFlag lets a switch stand alone on the command line.
func (in *input) IsBoolFlag() bool { return in.o.kind == boolean }

// Set takes a text as it is; the second stage judges it.
func (in *input) Set(text string) error {
	place := in.r.where(in.o)
	if in.o.kind != repeated {
		in.r.values[in.o.name] = []found{{text, place}}
		return nil
	}
	texts := []string{text}
	if place == in.o.env() {
		texts = split(text)
	}
	for _, text := range texts {
		in.r.values[in.o.name] = append(in.r.values[in.o.name], found{text, place})
	}
	if len(in.r.values[in.o.name]) > maxValues {
		in.r.err = fmt.Errorf("%s: more than %d values (-%s)", place, maxValues, in.o.name)
		in.r.values[in.o.name] = in.r.values[in.o.name][:maxValues]
	}
	return nil
}

// split cuts a variable into the values of a repeated option.
func split(text string) (texts []string) {
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			texts = append(texts, part)
		}
	}
	return texts
}
