// Command sbom prints what release files are made of, as a CycloneDX 1.5 JSON
// document (https://cyclonedx.org/docs/1.5/json/): each file with its SHA-256,
// and every Go module that is linked into one of the programs among them, as
// the program itself says (debug/buildinfo). The same files give the same
// bytes.
//
//	sbom [-version V] [-time SECONDS] FILE...
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strings"
	"time"
)

func main() {
	version := flag.String("version", "", "`version` of the release")
	seconds := flag.Int64("time", 0, "`seconds` since the epoch, of the document")
	flag.Parse()
	doc, err := describe(*version, time.Unix(*seconds, 0), flag.Args())
	if err == nil {
		err = write(os.Stdout, doc)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, doc *document) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

// The part of CycloneDX that is used here, in the order of its schema.
type document struct {
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

const selfRef = "forager"

func describe(version string, stamp time.Time, files []string) (*document, error) {
	doc := &document{
		BOMFormat: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{
			Timestamp: stamp.UTC().Format(time.RFC3339),
			Component: component{Type: "application", Ref: selfRef, Name: "forager", Version: version},
		},
	}
	sort.Strings(files)
	all := sha256.New()
	modules := make(map[string]component)
	self := dependency{Ref: selfRef}
	for _, name := range files {
		file, uses, err := examine(name, modules)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(all, "%s %s\n", file.Hashes[0].Content, file.Name)
		doc.Components = append(doc.Components, file)
		self.DependsOn = append(self.DependsOn, file.Ref)
		doc.Dependencies = append(doc.Dependencies, dependency{Ref: file.Ref, DependsOn: uses})
	}
	doc.Dependencies = append([]dependency{self}, doc.Dependencies...)
	doc.SerialNumber = serial(all.Sum(nil))
	refs := make([]string, 0, len(modules))
	for ref := range modules {
		refs = append(refs, ref)
	}
	sort.Strings(refs)
	for _, ref := range refs {
		doc.Components = append(doc.Components, modules[ref])
	}
	return doc, nil
}

// examine describes one file. The modules of a Go program are added to those
// already known, and named.
func examine(name string, modules map[string]component) (file component, uses []string, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return file, nil, err
	}
	sum := sha256.Sum256(b)
	base := filepath.Base(name)
	file = component{
		Type: "file", Ref: "file:" + base, Name: base,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}},
	}
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		return file, nil, nil // a package: it holds one of the programs
	}
	file.Type = "application"
	for _, s := range info.Settings {
		file.Properties = append(file.Properties, property{"go:" + s.Key, s.Value})
	}
	add := func(c component) {
		modules[c.Ref] = c
		uses = append(uses, c.Ref)
	}
	std := "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go")
	add(component{Type: "library", Ref: std, Name: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go"), PURL: std})
	for _, m := range info.Deps {
		add(library(m))
	}
	sort.Strings(uses)
	return file, uses, nil
}

// library describes a module. One that a directory of ours stands in for, as
// for msgp (build/leanmsgp.sh), is still that module of that version, changed.
func library(m *debug.Module) component {
	var properties []property
	if r := m.Replace; r != nil && strings.HasPrefix(r.Path, ".") {
		properties = append(properties, property{"go:replace", r.Path})
	} else if r != nil {
		m = r
	}
	if m.Sum != "" {
		properties = append(properties, property{"go:sum", m.Sum})
	}
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	return component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Properties: properties}
}

// serial makes a UUID (RFC 9562, version 8: what is in it is ours) of a hash.
func serial(sum []byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
