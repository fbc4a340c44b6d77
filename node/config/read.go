package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Reading is one reading of a configuration, which may be read again.
type Reading struct {
	Config   *Config   // nil when it cannot be run
	Problems *Problems // nil when there is nothing to say
	Path     string    // of a file, or a folder of them
	Files    []string  // all that was looked at, found or not: the files of the configuration, and those named by file()
	Print    string    // SHA-256 (hex) of what the files hold: equal when nothing changed

	top block // what was read
}

// Read is Load for whoever reads again when the files change.
func Read(path string) Reading {
	sources, err := read(path)
	if err != nil {
		looked := prints{path: printOf(nil, err)}
		return Reading{Path: path, Problems: unreadable(path, err), Files: looked.names(), Print: looked.whole()}
	}
	r := parse(sources, filepath.Dir(sources[0].name))
	r.Path = path
	return r
}

// prints are hashes of what files hold, by their paths.
type prints map[string]string

// read reads a file for file().
func (p prints) read(dir, path string) (string, error) {
	path = within(dir, path)
	raw, err := readText(path)
	p[path] = printOf(raw, err)
	return string(raw), err
}

// within is where file() finds a path.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (p prints) names() []string { return slices.Sorted(maps.Keys(p)) }

// whole is one print of all.
func (p prints) whole() string {
	h := sha256.New()
	for _, name := range p.names() {
		fmt.Fprintf(h, "%q %s\n", name, p[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// printOf is the print of what a file holds, or of why that is not known.
func printOf(raw []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Blocks are the blocks at the top level, each with a print of what it says: its words without comments and layout, and
// the files that it names.
func (r Reading) Blocks() map[string]string {
	all := map[string]string{}
	if r.top.body == nil {
		return all
	}
	for _, written := range r.top.body.Blocks {
		all[r.top.open(written).String()] += r.blockPrint(written)
	}
	return all
}

func (r Reading) blockPrint(written *hclsyntax.Block) string {
	h := sha256.New()
	at := written.Range()
	text := r.top.files[at.Filename].Bytes
	tokens, _ := hclsyntax.LexConfig(text[at.Start.Byte:written.CloseBraceRange.End.Byte], at.Filename, at.Start) // it was parsed before
	for _, token := range tokens {
		if token.Type != hclsyntax.TokenComment && token.Type != hclsyntax.TokenNewline {
			fmt.Fprintf(h, "%q ", token.Bytes)
		}
	}
	var named []*hclsyntax.FunctionCallExpr
	_ = hclsyntax.VisitAll(written.Body, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "file" && len(call.Args) == 1 {
			named = append(named, call)
		}
		return nil
	})
	slices.SortFunc(named, func(a, b *hclsyntax.FunctionCallExpr) int { // attributes are visited in any order
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
	for _, call := range named {
		fmt.Fprintf(h, "%s ", r.fileOf(call))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileOf is the print of the file that a call of file() names; "" when that cannot be told.
func (r Reading) fileOf(call *hclsyntax.FunctionCallExpr) string {
	path, diags := call.Args[0].Value(r.top.context)
	if diags.HasErrors() || path.IsNull() || !path.IsKnown() || path.Type() != cty.String {
		return ""
	}
	return r.top.looked[within(filepath.Dir(r.top.start.Filename), path.AsString())]
}

// Changes says which blocks another reading added, changed and removed, in the order of their names.
func Changes(before, after map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		now, there := after[name]
		switch {
		case !there:
			all = append(all, name+" removed")
		case now != before[name]:
			all = append(all, name+" changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, there := before[name]; !there {
			all = append(all, name+" added")
		}
	}
	return all
}
