package pomerium

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// block is one of the output.
type block struct {
	kind  string
	label string // "": none
	items []item
}

// item is what stands in a block: an attribute, a block, or notes alone.
type item struct {
	notes []string // comments before it, each on its line
	off   bool     // it is a comment itself
	name  string   // of an attribute; "": none
	expr  string   // its value
	block *block   // nil: none
}

// set adds an attribute.
func (b *block) set(name, expr string, notes ...string) {
	b.items = append(b.items, item{name: name, expr: expr, notes: notes})
}

// add adds a block, unless there is nothing in it.
func (b *block) add(inner *block, notes ...string) {
	if len(inner.items) > 0 {
		b.items = append(b.items, item{block: inner, notes: notes})
	}
}

// inner is the block of a kind in this one, which is made when there is none.
func (b *block) inner(kind string) *block {
	for _, i := range b.items {
		if i.block != nil && i.block.kind == kind && !i.off {
			return i.block
		}
	}
	made := &block{kind: kind}
	b.items = append(b.items, item{block: made})
	return made
}

// say adds comments.
func (b *block) say(notes ...string) {
	b.items = append(b.items, item{notes: notes})
}

// page is a file of the output that is being written.
type page struct {
	file *hclwrite.File
	err  error // the first
}

func newPage() *page { return &page{file: hclwrite.NewEmptyFile()} }

// item writes one into a body.
func (p *page) item(body *hclwrite.Body, i item) {
	for _, note := range i.notes {
		comment(body, note)
	}
	switch {
	case i.off:
		p.off(body, item{name: i.name, expr: i.expr, block: i.block})
	case i.block != nil:
		p.block(body, *i.block)
	case i.name != "":
		p.attribute(body, i.name, i.expr)
	}
}

func (p *page) block(body *hclwrite.Body, b block) {
	var labels []string
	if b.label != "" {
		labels = []string{b.label}
	}
	inner := body.AppendNewBlock(b.kind, labels).Body()
	for n, i := range b.items {
		if n > 0 && (i.block != nil || len(i.notes) > 0) {
			inner.AppendNewline()
		}
		p.item(inner, i)
	}
}

func (p *page) attribute(body *hclwrite.Body, name, expr string) {
	written, diags := hclwrite.ParseConfig([]byte(name+" = "+expr+"\n"), "", hcl.InitialPos)
	if diags.HasErrors() {
		if p.err == nil {
			p.err = fmt.Errorf("%s = %s: %w", name, expr, diags)
		}
		return
	}
	body.SetAttributeRaw(name, written.Body().GetAttribute(name).Expr().BuildTokens(nil))
}

// off writes an item as comments.
func (p *page) off(body *hclwrite.Body, i item) {
	scratch := newPage()
	scratch.item(scratch.file.Body(), i)
	if p.err == nil {
		p.err = scratch.err
	}
	for line := range strings.Lines(string(hclwrite.Format(scratch.file.Bytes()))) {
		comment(body, strings.TrimRight(line, "\n"))
	}
}

// comment writes a line of comment.
func comment(body *hclwrite.Body, text string) {
	line := "#"
	if text != "" {
		line += " " + oneLine(text)
	}
	body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte(line + "\n")}})
}

// bytes is the page as `picket fmt` would lay it out. What cannot be read again is an error.
func (p *page) bytes() ([]byte, error) {
	if p.err != nil {
		return nil, p.err
	}
	text := hclwrite.Format(bytes.TrimLeft(p.file.Bytes(), "\n"))
	if _, diags := hclsyntax.ParseConfig(text, "output", hcl.InitialPos); diags.HasErrors() {
		return nil, diags
	}
	return text, nil
}
