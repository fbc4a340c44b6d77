package policy

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Template is a text that depends on an Input: the value of a header. It may be used by many goroutines at once.
type Template struct {
	value  eval[string]
	frames frames
}

// NewTemplate checks and compiles an expression of the language whose value is a text, or can be written as one: a
// number, an address, a time, true or false. All mistakes are in the diagnostics; with errors, or when the
// parser could not read the expression, there is no Template, and the nil Template gives no value.
func NewTemplate(expr hcl.Expression, o Options) (*Template, hcl.Diagnostics) {
	c := newChecker(o)
	n := c.spelled(c.expression(native(expr)))
	diags := c.sorted()
	if diags.HasErrors() || c.unread {
		return nil, diags
	}
	return &Template{value: run[string](n)}, diags
}

// Value is the text for an input. ok is false when it is unknown, because something that it asks for is missing.
// It allocates only when the text is made of several, or changed.
func (t *Template) Value(in *Input) (value string, ok bool) {
	if t == nil || in == nil {
		return "", false
	}
	f := t.frames.lend(in)
	value, ok = t.value(f)
	if len(f.bytes) > 0 { // then the value may lie in the frame
		value = strings.Clone(value)
	}
	t.frames.takeBack(f)
	return value, ok
}
