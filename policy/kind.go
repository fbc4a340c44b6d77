package policy

import (
	"net/netip"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// kind is the type of an expression; every expression has one before it is ever evaluated.
type kind uint8

const (
	invalid kind = iota // a mistake that was reported: nothing more is said of it
	boolean             // bool
	text                // string
	number              // float64
	span                // time.Duration
	instant             // time.Time
	address             // netip.Addr
	list                // []string
	dynamic             // any: a value of JSON, whose own type shows on evaluation; never nil
	fields              // lookup: texts by name, of which one is taken by indexing
)

// String is what a diagnostic calls a value of this kind.
func (k kind) String() string {
	return [...]string{
		"a mistake", "true or false", "a text", "a number", "a duration", "a time",
		"an IP address", "a list of texts", "a claim", "a group of named values",
	}[k]
}

// eval computes a value. ok is false when it is unknown: something that it asks for is missing.
type eval[T any] func(f *frame) (value T, ok bool)

// lookup gives the text of a name.
type lookup func(f *frame, name string) (value string, ok bool)

// ask is an evaluation that tells apart why a value is unknown: missing is true when something is not there, and false
// when it is there and unclear, which must not pass for missing.
func (e eval[T]) ask(f *frame) (value T, ok, missing bool) {
	before := f.unclear
	f.unclear = false
	value, ok = e(f)
	missing = !ok && !f.unclear
	f.unclear = f.unclear || before
	return value, ok, missing
}

// node is a compiled expression.
type node struct {
	kind     kind
	run      any        // eval of the kind's Go type, or lookup; nil when invalid
	constant bool       // gives the same for every input, and is never unknown
	steady   bool       // gives the same for as long as the caller is the same; so does all that is constant. False: it may depend on more
	at       hcl.Range  // where it stands
	secret   bool       // its value is for nobody's eyes
	of       *attribute // the attribute that this is, bare; nil: something else
	read     int        // for a data block, bare: its place in checker.data, from 1; else 0
}

// ofCaller tells whether a node gives the same for as long as Authenticated, User and Session are.
func (n node) ofCaller() bool { return n.constant || n.steady }

// allOfCaller tells that of what is made of these nodes.
func allOfCaller(nodes ...node) bool {
	for _, n := range nodes {
		if !n.ofCaller() {
			return false
		}
	}
	return true
}

// run is the evaluation of a node that is known to be of the kind of T. An invalid node is always unknown.
func run[T any](n node) eval[T] {
	if e, ok := n.run.(eval[T]); ok {
		return e
	}
	return func(*frame) (none T, ok bool) { return none, false }
}

// valueOf is the value of a constant node, which needs no frame.
func valueOf[T any](n node) T {
	value, _ := run[T](n)(nil)
	return value
}

// always is an evaluation that gives one value.
func always[T any](value T) eval[T] {
	return func(*frame) (T, bool) { return value, true }
}

// shape does what is the same for all kinds, whatever Go type they have.
type shape interface {
	present(n node) eval[bool]                   // whether n is known
	coalesce(nodes []node) any                   // eval of the first known one
	choose(when eval[bool], yes, no node) any    // eval of one of two
	whole(claim, n node) any                     // eval of n, made of a claim, that is unclear where the claim is of another kind
	fold(n node, f *frame) (folded any, ok bool) // eval of the value that n has now; ok false: none
}

// shape is the kind's; nil when the kind is no value by itself.
func (k kind) shape() shape {
	return [...]shape{
		nil, shapeOf[bool]{}, shapeOf[string]{}, shapeOf[float64]{}, shapeOf[time.Duration]{}, shapeOf[time.Time]{},
		shapeOf[netip.Addr]{}, shapeOf[[]string]{}, shapeOf[any]{}, nil,
	}[k]
}

type shapeOf[T any] struct{}

func (shapeOf[T]) present(n node) eval[bool] {
	e := run[T](n)
	return func(f *frame) (bool, bool) {
		_, ok, missing := e.ask(f)
		return ok, ok || missing
	}
}

func (shapeOf[T]) coalesce(nodes []node) any {
	choices := make([]eval[T], len(nodes))
	for i, n := range nodes {
		choices[i] = run[T](n)
	}
	return eval[T](func(f *frame) (none T, ok bool) {
		for _, e := range choices {
			if value, ok, missing := e.ask(f); !missing {
				return value, ok
			}
		}
		return none, false
	})
}

func (shapeOf[T]) choose(when eval[bool], yes, no node) any {
	then, otherwise := run[T](yes), run[T](no)
	return eval[T](func(f *frame) (none T, ok bool) {
		which, ok := when(f)
		if !ok {
			return none, false
		}
		if which {
			return then(f)
		}
		return otherwise(f)
	})
}

func (shapeOf[T]) whole(claim, n node) any {
	there, e := run[any](claim), run[T](n)
	return eval[T](func(f *frame) (T, bool) {
		value, ok := e(f)
		if !ok {
			_, is := there(f)
			f.unclear = f.unclear || is
		}
		return value, ok
	})
}

func (shapeOf[T]) fold(n node, f *frame) (any, bool) {
	value, ok := run[T](n)(f)
	return always(value), ok
}
