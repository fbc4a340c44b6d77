package config

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// block is one block being read. A block that was not written reads as an empty one, so that there is one place for
// defaults: each read names its own.
type block struct {
	*decoder
	kind   string
	name   string    // the label; "" when there is none
	at     hcl.Range // of its header
	body   *hclsyntax.Body
	absent bool // not written: it lacks nothing
}

// child is the block of a kind that stands at most once.
func (b block) child(kind string) block {
	for _, inner := range b.body.Blocks {
		if inner.Type == kind {
			return b.open(inner)
		}
	}
	return block{decoder: b.decoder, kind: kind, at: b.at, body: &hclsyntax.Body{}, absent: true}
}

// children are the blocks of a kind, in the order written.
func (b block) children(kind string) []block {
	var all []block
	for _, inner := range b.body.Blocks {
		if inner.Type == kind {
			all = append(all, b.open(inner))
		}
	}
	return all
}

func (b block) open(inner *hclsyntax.Block) block {
	opened := block{decoder: b.decoder, kind: inner.Type, at: inner.DefRange(), body: inner.Body}
	if len(inner.Labels) > 0 {
		opened.name = inner.Labels[0]
	}
	return opened
}

// String is the block as messages call it.
func (b block) String() string {
	if b.name == "" {
		return b.kind
	}
	return fmt.Sprintf("%s %q", b.kind, b.name)
}

// has tells whether an attribute is written.
func (b block) has(name string) bool { return b.body.Attributes[name] != nil }

// place is where an attribute is written, else where it would be.
func (b block) place(name string) hcl.Range {
	if a := b.body.Attributes[name]; a != nil {
		return a.Expr.Range()
	}
	return b.at
}

// optional is the word of an attribute; ok is false when it is not written, or wrong, which is reported.
func (b block) optional(name string) (w word, ok bool) {
	if !b.has(name) {
		return word{at: b.at}, false
	}
	return b.decoder.word(b.body.Attributes[name].Expr)
}

// required is the word of an attribute that must be written and not be empty; why says what it is for.
func (b block) required(name, why string) (w word, ok bool) {
	if !b.has(name) {
		b.without(name, why)
		return word{at: b.at}, false
	}
	w, ok = b.optional(name)
	if ok && w.text == "" {
		b.fail(emptyValue, w.at, "%s must not be empty: %s.", name, why)
		return w, false
	}
	return w, ok
}

// misspelt tells whether a name that is not known probably stands for this one, which is told already.
func (b block) misspelt(name string) bool { return b.meant[meaning{b.body, name}] }

// without reports an attribute that must be written.
func (b block) without(name, why string) {
	if !b.absent && !b.misspelt(name) {
		b.lack(missingAttribute, b.at, "%s needs %s: %s.", b, name, why)
	}
}

// missing reports a block that must be written.
func (b block) missing(kind, detail string) {
	if !b.misspelt(kind) {
		b.lack(missingBlock, b.at, "%s", detail)
	}
}

// text is the text of an attribute, or its default.
func (b block) text(name, otherwise string) string {
	if w, ok := b.optional(name); ok {
		return w.text
	}
	return otherwise
}

// texts are the texts of an attribute that is a list or one text; written is false when it is left out.
func (b block) texts(name string) (all []word, written bool) {
	if !b.has(name) {
		return nil, false
	}
	return b.decoder.words(b.body.Attributes[name].Expr), true
}

// flag is true or false.
func (b block) flag(name string, otherwise bool) bool {
	if !b.has(name) {
		return otherwise
	}
	v, ok := b.as(b.body.Attributes[name].Expr, cty.Bool)
	if !ok {
		return otherwise
	}
	return v.True()
}

// choice is one of a few words, of which the first is the default.
func (b block) choice(name string, of ...string) string {
	w, ok := b.optional(name)
	if !ok {
		return of[0]
	}
	if !slices.Contains(of, w.text) {
		b.fail(notOneOf, w.at, "%s is one of %s.%s", name, list(of), suggest(w.text, of))
		return of[0]
	}
	return w.text
}

// duration is a time span of at least the given one.
func (b block) duration(name string, otherwise, least time.Duration) time.Duration {
	w, ok := b.measure(name, "15s")
	if !ok {
		return otherwise
	}
	span, err := parseDuration(w.text)
	switch {
	case err != nil:
		b.fail(badDuration, w.at, "%s", sentence(err))
		return otherwise
	case span < least:
		b.fail(outOfRange, w.at, "%s is at least %s.", name, spanText(least))
		return otherwise
	}
	return span
}

// size is a number of bytes within bounds.
func (b block) size(name string, otherwise, least, most int64) int64 {
	w, ok := b.measure(name, "64KiB")
	if !ok {
		return otherwise
	}
	bytes, err := parseSize(w.text)
	switch {
	case err != nil:
		b.fail(badSize, w.at, "%s", sentence(err))
		return otherwise
	case bytes < least || bytes > most:
		b.fail(outOfRange, w.at, "%s is between %s and %s.", name, sizeText(least), sizeText(most))
		return otherwise
	}
	return bytes
}

// measure is the word of an attribute that has a unit: a bare number is told so.
func (b block) measure(name, example string) (w word, ok bool) {
	if !b.has(name) {
		return word{}, false
	}
	expr := b.body.Attributes[name].Expr
	v, ok := b.value(expr)
	if !ok {
		return word{}, false
	}
	if v.Type() != cty.String {
		b.fail(wrongType, expr.Range(), "This is %s. %s is a text with a unit, such as %q.", kindOf(v.Type()), name, example)
		return word{}, false
	}
	return word{text: v.AsString(), at: expr.Range(), expr: expr}, true
}

// count is a whole number; ok is false when it is not written, or wrong.
func (b block) count(name string, otherwise int) (n int, ok bool) {
	if !b.has(name) {
		return otherwise, false
	}
	expr := b.body.Attributes[name].Expr
	v, ok := b.as(expr, cty.Number)
	if !ok {
		return otherwise, false
	}
	exact, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || exact != int64(int32(exact)) {
		b.fail(wrongType, expr.Range(), "%s is a whole number.", name)
		return otherwise, false
	}
	return int(exact), true
}

// wrong tells whether a mistake was reported within an attribute.
func (b block) wrong(name string) bool {
	at := b.place(name)
	return b.has(name) && slices.ContainsFunc(b.diags, func(d *hcl.Diagnostic) bool {
		return d.Severity == hcl.DiagError && d.Subject.Filename == at.Filename && at.Overlaps(*d.Subject)
	})
}
