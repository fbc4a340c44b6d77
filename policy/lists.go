package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// listLiteral compiles [a, b].
func (c *checker) listLiteral(e *hclsyntax.TupleConsExpr) node {
	items := make([]node, len(e.Exprs))
	fit := true
	for i, item := range e.Exprs {
		var ok bool
		items[i], ok = c.want(c.expression(item), text, "An item of a list")
		fit = fit && ok
	}
	if !fit {
		return bad(e.SrcRange)
	}
	return c.made(list, e.SrcRange, collected(items), items...)
}

// collected puts texts in a list. It is unknown when one of them is.
func collected(items []node) eval[[]string] {
	texts := make([]eval[string], len(items))
	for i, item := range items {
		texts[i] = run[string](item)
	}
	return func(f *frame) ([]string, bool) {
		start := len(f.items)
		for i, text := range texts {
			word, ok := text(f)
			if !ok {
				return nil, false
			}
			f.items = append(f.items[:start+i], word)
		}
		return f.list(start), true
	}
}

// variables are the names that a for expression gives to where it stands.
type variables struct {
	value, index string // index: "" when it is left out
	of           kind   // of what it goes through: list or dynamic
}

func (v variables) names() []string {
	if v.index == "" {
		return []string{v.value}
	}
	return []string{v.index, v.value}
}

// variable is the node of a variable of the innermost for expression that has one of that name. What the variable depends on is
// told by what the for goes through.
func (c *checker) variable(name string) (n node, ok bool) {
	for depth, v := range slices.Backward(c.loops) {
		switch {
		case name == v.index:
			return node{kind: number, steady: true, run: eval[float64](func(f *frame) (float64, bool) {
				return float64(f.loops[depth].index), true
			})}, true
		case name == v.value && v.of == list:
			return node{kind: text, steady: true, run: eval[string](func(f *frame) (string, bool) {
				return f.loops[depth].text, true
			})}, true
		case name == v.value:
			return node{kind: dynamic, steady: true, run: eval[any](func(f *frame) (any, bool) {
				value := f.loops[depth].value
				return value, value != nil
			})}, true
		}
	}
	return node{}, false
}

// forList compiles [for x in list : text if condition].
func (c *checker) forList(e *hclsyntax.ForExpr) node {
	if e.KeyExpr != nil {
		c.mistake(e.SrcRange, notLanguage, "There are no objects in policies. A list is made with [for x in list : x].")
		return bad(e.SrcRange)
	}
	through := c.expression(e.CollExpr)
	if through.kind != dynamic {
		through, _ = c.want(through, list, "What a for goes through")
	}
	if through.kind == invalid || !c.canLoop(e) {
		return bad(e.SrcRange)
	}
	item, when, fit := c.loopBody(e, through.kind)
	if !fit {
		return bad(e.SrcRange)
	}
	depth := len(c.loops)
	walk := looped{depth, run[string](item), run[bool](when)}
	if through.kind == list {
		return c.made(list, e.SrcRange, walk.texts(run[[]string](through)), through, item, when)
	}
	return c.made(list, e.SrcRange, walk.claims(run[any](through)), through, item, when)
}

// canLoop checks that there is room for one more loop, and that its variables hide no attribute.
func (c *checker) canLoop(e *hclsyntax.ForExpr) bool {
	if len(c.loops) == maxLoops {
		c.mistake(e.SrcRange, tooDeep, "At most %d for expressions may stand in one another.", maxLoops)
		return false
	}
	for _, name := range []string{e.KeyVar, e.ValVar} {
		if slices.Contains(c.roots, name) {
			c.mistake(e.OpenRange, badName, "A variable named %s hides the attribute. Take another name.", name)
			return false
		}
	}
	return true
}

// loopBody compiles what stands behind the colon, with the variables known.
func (c *checker) loopBody(e *hclsyntax.ForExpr, through kind) (item, when node, fit bool) {
	c.loops = append(c.loops, variables{value: e.ValVar, index: e.KeyVar, of: through})
	defer func() { c.loops = c.loops[:len(c.loops)-1] }()
	item, itemFits := c.want(c.expression(e.ValExpr), text, "An item of a list")
	when, whenFits := node{kind: boolean, run: always(true), constant: true}, true
	if e.CondExpr != nil {
		when, whenFits = c.want(c.expression(e.CondExpr), boolean, "The condition of a for")
	}
	return item, when, itemFits && whenFits
}

// looped is a for expression at work.
type looped struct {
	depth int
	item  eval[string]
	when  eval[bool]
}

func (l looped) texts(through eval[[]string]) eval[[]string] {
	return func(f *frame) ([]string, bool) {
		all, ok := through(f)
		if !ok {
			return nil, false
		}
		start := len(f.items)
		end := start
		for i, one := range all {
			f.loops[l.depth] = loop{text: one, index: i}
			if end, ok = l.step(f, end); !ok {
				return nil, false
			}
		}
		f.items = f.items[:end]
		return f.list(start), true
	}
}

func (l looped) claims(through eval[any]) eval[[]string] {
	return func(f *frame) ([]string, bool) {
		value, _ := through(f)
		all, ok := value.([]any)
		if !ok {
			return nil, false
		}
		start := len(f.items)
		end := start
		for i, one := range all {
			f.loops[l.depth] = loop{value: one, index: i}
			if end, ok = l.step(f, end); !ok {
				return nil, false
			}
		}
		f.items = f.items[:end]
		return f.list(start), true
	}
}

// step adds one item to the list that ends at end, if it is to be in it, and gives the new end. Whatever the item's
// parts have put above the list is dropped.
func (l looped) step(f *frame, end int) (int, bool) {
	wanted, ok := l.when(f)
	if !ok || !wanted {
		return end, ok
	}
	word, ok := l.item(f)
	if !ok {
		return end, false
	}
	f.items = append(f.items[:end], word)
	return end + 1, true
}
