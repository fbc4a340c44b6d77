package policy

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Template is a text that depends on an Input: the value of a header. It may be used by many goroutines at once.
type Template struct {
	value  eval[string]
	tokens bool // it asks for session.access_token
	caller bool // it asks for nothing but what is of the caller
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
	return &Template{value: run[string](n), tokens: c.asked, caller: n.ofCaller()}, diags
}

// AsksForToken tells whether the value depends on session.access_token, which only ValueWith is given.
func (t *Template) AsksForToken() bool { return t != nil && t.tokens }

// OfCaller tells whether the value depends on Authenticated, User and Session alone: it is the same for as long as they are.
func (t *Template) OfCaller() bool { return t != nil && t.caller }

// Value is the text for an input. ok is false when it is unknown, because something that it asks for is missing.
// It allocates only when the text is made of several, or changed.
func (t *Template) Value(in *Input) (value string, ok bool) { return t.ValueWith(in, "") }

// ValueWith is Value with an access token ("": there is none). It is no part of the Input, which is written down.
func (t *Template) ValueWith(in *Input, token string) (value string, ok bool) {
	if t == nil || in == nil {
		return "", false
	}
	f := t.frames.lend(in)
	f.token = token
	value, ok = t.value(f)
	if len(f.bytes) > 0 { // then the value may lie in the frame
		value = strings.Clone(value)
	}
	t.frames.takeBack(f)
	return value, ok
}
