package policy

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// equality compiles == (want is true) and != (want is false).
func (c *checker) equality(left, right node, want bool, at hcl.Range) node {
	sides := []node{left, right}
	k, ok := c.unify(sides, "The other side of the comparison")
	if !ok {
		return bad(at)
	}
	left, right = sides[0], sides[1]
	c.checkPossible(left, right)
	c.checkPossible(right, left)
	var compared eval[bool]
	switch k {
	case boolean:
		compared = equal[bool](left, right, want)
	case text:
		compared = equal[string](left, right, want)
	case number:
		compared = equal[float64](left, right, want)
	case span:
		compared = equal[time.Duration](left, right, want)
	case address:
		compared = equal[netip.Addr](left, right, want)
	case instant:
		compared = ordered(left, right, time.Time.Compare, func(sign int) bool { return (sign == 0) == want })
	case dynamic:
		compared = equalClaims(left, right, want)
	default:
		c.mistake(at, wrongType, "Lists do not compare. Write has(list, item), has_any(list, items) or has_all(list, items).")
		return bad(at)
	}
	return c.made(boolean, at, compared, left, right)
}

// checkPossible doubts a comparison of an attribute with a text that it never is.
func (c *checker) checkPossible(attribute, literal node) {
	if attribute.of == nil || attribute.of.never == nil || literal.kind != text || !literal.constant {
		return
	}
	if why := attribute.of.never(valueOf[string](literal)); why != "" {
		c.doubt(literal.at, neverEqual, "%s is never %q: %s.", attribute.of.name, valueOf[string](literal), why)
	}
}

func equal[T comparable](left, right node, want bool) eval[bool] {
	l, r := run[T](left), run[T](right)
	if right.constant {
		return equalTo(l, valueOf[T](right), want)
	}
	return func(f *frame) (bool, bool) {
		a, ok := l(f)
		if !ok {
			return false, false
		}
		b, ok := r(f)
		return (a == b) == want, ok
	}
}

func equalTo[T comparable](of eval[T], value T, want bool) eval[bool] {
	return func(f *frame) (bool, bool) {
		a, ok := of(f)
		return (a == value) == want, ok
	}
}

func equalClaims(left, right node, want bool) eval[bool] {
	l, r := run[any](left), run[any](right)
	return func(f *frame) (bool, bool) {
		a, _ := l(f)
		b, _ := r(f)
		same, ok := claimsEqual(a, b)
		return same == want, ok
	}
}

// order compiles <, <=, > and >=; holds tells whether the sign of the comparison is one that is asked for.
func (c *checker) order(left, right node, holds func(sign int) bool, at hcl.Range) node {
	if left.kind == dynamic && right.kind == dynamic {
		left, right = c.operand(left), c.operand(right)
	}
	sides := []node{left, right}
	k, ok := c.unify(sides, "The other side of the comparison")
	if !ok {
		return bad(at)
	}
	left, right = sides[0], sides[1]
	var compared eval[bool]
	switch k {
	case number:
		compared = ordered(left, right, cmp.Compare[float64], holds)
	case span:
		compared = ordered(left, right, cmp.Compare[time.Duration], holds)
	case instant:
		compared = ordered(left, right, time.Time.Compare, holds)
	default:
		c.mistake(at, wrongType, "Only numbers, durations and times are less or more than one another, but this is %s.", k)
		return bad(at)
	}
	return c.made(boolean, at, compared, left, right)
}

func ordered[T any](left, right node, compare func(a, b T) int, holds func(sign int) bool) eval[bool] {
	l, r := run[T](left), run[T](right)
	return func(f *frame) (bool, bool) {
		a, ok := l(f)
		if !ok {
			return false, false
		}
		b, ok := r(f)
		return ok && holds(compare(a, b)), ok
	}
}
