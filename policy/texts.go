package policy

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// template compiles "a ${b} c".
func (c *checker) template(e *hclsyntax.TemplateExpr) node {
	parts := make([]node, len(e.Parts))
	fit := true
	for i, part := range e.Parts {
		parts[i] = c.spelled(c.expression(part))
		fit = fit && parts[i].kind != invalid
	}
	if !fit {
		return bad(e.SrcRange)
	}
	return c.made(text, e.SrcRange, concatenated(parts), parts...)
}

// joined compiles %{ for } of a template.
func (c *checker) joined(e *hclsyntax.TemplateJoinExpr) node {
	items, ok := c.want(c.expression(e.Tuple), list, "What a %{ for } goes through")
	if !ok {
		return bad(e.Range())
	}
	all := run[[]string](items)
	return c.made(text, e.Range(), eval[string](func(f *frame) (string, bool) {
		items, ok := all(f)
		return f.join(items, ""), ok
	}), items)
}

// concatenated puts texts together. It is unknown when one of them is.
func concatenated(parts []node) eval[string] {
	texts := make([]eval[string], len(parts))
	for i, part := range parts {
		texts[i] = run[string](part)
	}
	return func(f *frame) (string, bool) {
		start := len(f.items)
		for i, part := range texts {
			word, ok := part(f)
			if !ok {
				return "", false
			}
			f.items = append(f.items[:start+i], word)
		}
		return f.join(f.items[start:], ""), true
	}
}

// spelled makes a text of a node, as "${x}" does.
func (c *checker) spelled(n node) node {
	var spell eval[string]
	switch n.kind {
	case invalid, text:
		return n
	case boolean:
		spell = spelling(run[bool](n), func(_ *frame, value bool) (string, bool) { return strconv.FormatBool(value), true })
	case number:
		spell = spelling(run[float64](n), func(f *frame, value float64) (string, bool) { return spellNumber(f, value), true })
	case address:
		spell = spelling(run[netip.Addr](n), spellAddress)
	case instant:
		spell = spelling(run[time.Time](n), spellTime)
	case dynamic:
		spell = spelling(run[any](n), spellClaim)
	default:
		c.mistake(n.at, wrongType, "A part of a text has to be a text, a number, a time, an address, true or false, but this is %s.%s", n.kind, remedy(n.kind, text))
		return bad(n.at)
	}
	return c.made(text, n.at, spell, n)
}

func spelling[T any](of eval[T], spell func(f *frame, value T) (string, bool)) eval[string] {
	return func(f *frame) (string, bool) {
		value, ok := of(f)
		if !ok {
			return "", false
		}
		return spell(f, value)
	}
}

func spellAddress(f *frame, value netip.Addr) (string, bool) {
	start := len(f.bytes)
	f.bytes = value.AppendTo(f.bytes)
	return f.since(start), true
}

func spellTime(f *frame, value time.Time) (string, bool) {
	start := len(f.bytes)
	f.bytes = value.UTC().AppendFormat(f.bytes, time.RFC3339)
	return f.since(start), true
}
