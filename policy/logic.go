package policy

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// unary compiles !x and -x.
func (c *checker) unary(e *hclsyntax.UnaryOpExpr) node {
	operand := c.expression(e.Val)
	if e.Op == hclsyntax.OpLogicalNot {
		return c.not(operand, e.SrcRange)
	}
	return c.negative(operand, e.SrcRange)
}

// binary compiles x && y and its like.
func (c *checker) binary(e *hclsyntax.BinaryOpExpr) node {
	left, right := c.expression(e.LHS), c.expression(e.RHS)
	switch e.Op {
	case hclsyntax.OpLogicalAnd:
		return c.junction(left, right, false, "&&", e.SrcRange)
	case hclsyntax.OpLogicalOr:
		return c.junction(left, right, true, "||", e.SrcRange)
	case hclsyntax.OpEqual:
		return c.equality(left, right, true, e.SrcRange)
	case hclsyntax.OpNotEqual:
		return c.equality(left, right, false, e.SrcRange)
	case hclsyntax.OpLessThan:
		return c.order(left, right, func(sign int) bool { return sign < 0 }, e.SrcRange)
	case hclsyntax.OpLessThanOrEqual:
		return c.order(left, right, func(sign int) bool { return sign <= 0 }, e.SrcRange)
	case hclsyntax.OpGreaterThan:
		return c.order(left, right, func(sign int) bool { return sign > 0 }, e.SrcRange)
	case hclsyntax.OpGreaterThanOrEqual:
		return c.order(left, right, func(sign int) bool { return sign >= 0 }, e.SrcRange)
	}
	return c.arithmetic(left, right, e.Op, e.SrcRange)
}

func (c *checker) not(operand node, at hcl.Range) node {
	operand, ok := c.want(operand, boolean, "What ! turns around")
	if !ok {
		return bad(at)
	}
	of := run[bool](operand)
	return c.made(boolean, at, eval[bool](func(f *frame) (bool, bool) {
		value, ok := of(f)
		return !value, ok
	}), operand)
}

// junction compiles && and ||, which differ in the value that decides alone: false for &&, true for ||. It follows
// Kleene: what decides alone decides beside an unknown too; otherwise an unknown makes the whole unknown.
func (c *checker) junction(left, right node, decides bool, sign string, at hcl.Range) node {
	left, leftFits := c.want(left, boolean, "The left side of "+sign)
	right, rightFits := c.want(right, boolean, "The right side of "+sign)
	if !leftFits || !rightFits {
		return bad(at)
	}
	for _, side := range []node{left, right} {
		if side.constant && valueOf[bool](side) == decides {
			return node{kind: boolean, run: always(decides), constant: true, at: at}
		}
	}
	return c.made(boolean, at, kleene(run[bool](left), run[bool](right), decides), left, right)
}

func kleene(left, right eval[bool], decides bool) eval[bool] {
	return func(f *frame) (bool, bool) {
		l, leftKnown := left(f)
		if leftKnown && l == decides {
			return decides, true
		}
		r, rightKnown := right(f)
		if rightKnown && r == decides {
			return decides, true
		}
		return !decides, leftKnown && rightKnown
	}
}

// conditional compiles x ? y : z.
func (c *checker) conditional(e *hclsyntax.ConditionalExpr) node {
	when, fits := c.want(c.expression(e.Condition), boolean, "What stands before ?")
	branches := []node{c.expression(e.TrueResult), c.expression(e.FalseResult)}
	k, alike := c.unify(branches, "A result of ? :")
	if !fits || !alike {
		return bad(e.SrcRange)
	}
	if when.constant {
		if valueOf[bool](when) {
			return branches[0]
		}
		return branches[1]
	}
	choice := k.shape().choose(run[bool](when), branches[0], branches[1])
	return node{kind: k, run: choice, at: e.SrcRange, steady: allOfCaller(when, branches[0], branches[1])}
}
