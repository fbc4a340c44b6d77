package policy

import (
	"math"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// arithmetic compiles + - * / %. Beside numbers, durations and times add up: a time and a duration, two durations, a
// duration and a number, and the difference of two times. A result out of range is unknown, as is division by zero.
func (c *checker) arithmetic(left, right node, op *hclsyntax.Operation, at hcl.Range) node {
	left, right = c.operand(left), c.operand(right)
	if left.kind == invalid || right.kind == invalid {
		return bad(at)
	}
	switch [2]kind{left.kind, right.kind} {
	case [2]kind{number, number}:
		return c.made(number, at, calculated(run[float64](left), run[float64](right), numbers(op)), left, right)
	case [2]kind{span, span}:
		if add := spans(op); add != nil {
			return c.made(span, at, calculated(run[time.Duration](left), run[time.Duration](right), add), left, right)
		}
	case [2]kind{span, number}:
		if scale := scaled(op); scale != nil {
			return c.made(span, at, calculated(run[time.Duration](left), run[float64](right), scale), left, right)
		}
	case [2]kind{instant, span}:
		if move := moved(op); move != nil {
			return c.made(instant, at, calculated(run[time.Time](left), run[time.Duration](right), move), left, right)
		}
	case [2]kind{instant, instant}:
		if op == hclsyntax.OpSubtract {
			return c.made(span, at, calculated(run[time.Time](left), run[time.Time](right), between), left, right)
		}
	}
	advice := ""
	if left.kind == text || right.kind == text {
		advice = ` To put texts together write "${x}${y}".`
	}
	c.mistake(at, wrongType, "%s and %s do not go together here.%s", sentence(left.kind.String()), right.kind, advice)
	return bad(at)
}

// operand takes a claim for a number.
func (c *checker) operand(n node) node {
	if n.kind == dynamic {
		n, _ = c.want(n, number, "What is reckoned with")
	}
	return n
}

// sentence begins a text with an upper-case letter.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (c *checker) negative(operand node, at hcl.Range) node {
	operand, ok := c.want(operand, number, "What stands after -")
	if !ok {
		return bad(at)
	}
	of := run[float64](operand)
	return c.made(number, at, eval[float64](func(f *frame) (float64, bool) {
		value, ok := of(f)
		return -value, ok
	}), operand)
}

func calculated[A, B, R any](left eval[A], right eval[B], by func(A, B) (R, bool)) eval[R] {
	return func(f *frame) (none R, ok bool) {
		a, ok := left(f)
		if !ok {
			return none, false
		}
		b, ok := right(f)
		if !ok {
			return none, false
		}
		return by(a, b)
	}
}

func numbers(op *hclsyntax.Operation) func(a, b float64) (float64, bool) {
	calculate := map[*hclsyntax.Operation]func(a, b float64) float64{
		hclsyntax.OpAdd:      func(a, b float64) float64 { return a + b },
		hclsyntax.OpSubtract: func(a, b float64) float64 { return a - b },
		hclsyntax.OpMultiply: func(a, b float64) float64 { return a * b },
		hclsyntax.OpDivide:   func(a, b float64) float64 { return a / b },
		hclsyntax.OpModulo:   math.Mod,
	}[op]
	return func(a, b float64) (float64, bool) {
		result := calculate(a, b)
		return result, !math.IsNaN(result) && !math.IsInf(result, 0)
	}
}

// spans adds or subtracts durations; nil when op does neither.
func spans(op *hclsyntax.Operation) func(a, b time.Duration) (time.Duration, bool) {
	switch op {
	case hclsyntax.OpAdd:
		return func(a, b time.Duration) (time.Duration, bool) {
			sum := a + b
			return sum, (sum > a) == (b > 0)
		}
	case hclsyntax.OpSubtract:
		return func(a, b time.Duration) (time.Duration, bool) {
			difference := a - b
			return difference, (difference < a) == (b > 0)
		}
	}
	return nil
}

// scaled multiplies or divides a duration; nil when op does neither.
func scaled(op *hclsyntax.Operation) func(a time.Duration, by float64) (time.Duration, bool) {
	switch op {
	case hclsyntax.OpMultiply:
		return func(a time.Duration, by float64) (time.Duration, bool) { return inRange(float64(a) * by) }
	case hclsyntax.OpDivide:
		return func(a time.Duration, by float64) (time.Duration, bool) { return inRange(float64(a) / by) }
	}
	return nil
}

func inRange(nanoseconds float64) (time.Duration, bool) {
	if math.Abs(nanoseconds) < math.MaxInt64 { // not so for NaN
		return time.Duration(nanoseconds), true
	}
	return 0, false
}

// moved adds a duration to a time, or subtracts it; nil when op does neither.
func moved(op *hclsyntax.Operation) func(a time.Time, by time.Duration) (time.Time, bool) {
	switch op {
	case hclsyntax.OpAdd:
		return func(a time.Time, by time.Duration) (time.Time, bool) { return a.Add(by), true }
	case hclsyntax.OpSubtract:
		return func(a time.Time, by time.Duration) (time.Time, bool) { return a.Add(-by), true }
	}
	return nil
}

func between(a, b time.Time) (time.Duration, bool) { return a.Sub(b), true }
