package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// step is one sub-expression of a compiled rule, for explanations: the closure that decides, and where it was written.
// The steps of a rule stand behind those of their parts, and the whole condition last.
type step struct {
	run      any // as in node
	at       span32
	below    int32 // how many steps its parts are, which stand right before it
	loop     int8  // for a for expression: its place in frame.loops, from 1; else 0
	kind     kind
	constant bool
	secret   bool // its value is for nobody's eyes
}

// span32 is an hcl.Range without its file, in less room.
type span32 struct{ line, column, endLine, endColumn, from, until int32 }

func narrow(r hcl.Range) span32 {
	return span32{
		int32(r.Start.Line), int32(r.Start.Column), int32(r.End.Line), int32(r.End.Column), int32(r.Start.Byte), int32(r.End.Byte),
	}
}

// note adds a step; those from below on are its parts. What is made of a secret is one, but for the answer to a question.
// An expression without an end is one that the parser has not read to its end.
func (c *checker) note(e hcl.Expression, n node, below int) {
	s := step{
		run: n.run, at: narrow(e.Range()), below: int32(len(c.noted) - below),
		kind: n.kind, constant: n.constant, secret: n.secret,
	}
	c.unread = c.unread || s.at.until < s.at.from
	if _, ok := e.(*hclsyntax.ForExpr); ok {
		s.loop = int8(len(c.loops) + 1)
	}
	if secretBelow(c.noted[below:]) {
		c.keepSecret(below)
		s.secret = s.secret || n.kind != boolean
	}
	c.noted = append(c.noted, s)
}

// secretBelow tells whether one of the parts, of which these are the steps, is a secret.
func secretBelow(steps []step) bool {
	for i := len(steps) - 1; i >= 0; i -= int(steps[i].below) + 1 {
		if steps[i].secret {
			return true
		}
	}
	return false
}

// partsOf are the places of the parts of the step at place i, as they were written.
func partsOf(steps []step, i int) []int {
	var parts []int
	begin := i - int(steps[i].below)
	for i--; i >= begin; i -= int(steps[i].below) + 1 {
		parts = append(parts, i)
	}
	slices.Reverse(parts)
	return parts
}
