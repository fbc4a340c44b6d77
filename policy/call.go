package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// builtin is a function of the language.
type builtin struct {
	name    string
	params  []param
	repeats bool   // the last parameter may be given any number of times more
	doc     string // what it gives, for the reference
	example string // an expression that calls it
	build   func(c *checker, args []node, at hcl.Range) node
}

// param is what a function is given.
type param struct {
	name     string
	kinds    []kind // one of them; a claim is taken for the first. None: any kind, told by build
	constant bool   // has to be known when the policy is loaded
}

// signature is how the function is written: in_cidr(address, networks, ...).
func (b *builtin) signature() string {
	names := make([]string, 0, len(b.params)+1)
	for _, p := range b.params {
		names = append(names, p.name)
	}
	if b.repeats {
		names = append(names, "...")
	}
	return fmt.Sprintf("%s(%s)", b.name, strings.Join(names, ", "))
}

// param is the parameter that takes the argument at place i.
func (b *builtin) param(i int) param { return b.params[min(i, len(b.params)-1)] }

// call compiles a function call.
func (c *checker) call(e *hclsyntax.FunctionCallExpr) node {
	b, ok := c.builtins[e.Name]
	if !ok {
		return c.callOther(e)
	}
	if e.ExpandFinal {
		c.mistake(e.Range(), notLanguage, "A list is not spread over arguments in policies. %s is written %s.", b.name, b.example)
		return bad(e.Range())
	}
	args := make([]node, len(e.Args))
	fit := true
	for i, arg := range e.Args {
		var ok bool
		args[i], ok = c.argument(c.expression(arg), b, b.param(i))
		fit = fit && ok
	}
	if len(args) < len(b.params) || len(args) > len(b.params) && !b.repeats {
		c.mistake(e.Range(), wrongCount, "It is %s, as in %s.", b.signature(), b.example)
		return bad(e.Range())
	}
	if !fit {
		return bad(e.Range())
	}
	return b.build(c, args, e.Range())
}

// callOther calls a function that is none of the language's.
func (c *checker) callOther(e *hclsyntax.FunctionCallExpr) node {
	if _, ok := c.functions[e.Name]; ok {
		return c.folded(e)
	}
	known := append(slices.Sorted(maps.Keys(c.builtins)), slices.Sorted(maps.Keys(c.functions))...)
	advice := didYouMean(e.Name, known)
	if advice == "" {
		advice = fmt.Sprintf(" Known are %s.", enumerate(known))
	}
	c.mistake(e.NameRange, unknownFunction, "There is no function %s.%s", e.Name, advice)
	for _, arg := range e.Args {
		c.expression(arg)
	}
	return bad(e.Range())
}

// argument makes an argument fit a parameter.
func (c *checker) argument(n node, b *builtin, p param) (node, bool) {
	fits := len(p.kinds) == 0 || slices.Contains(p.kinds, n.kind)
	if n.kind == invalid || fits && (n.constant || !p.constant) {
		return n, n.kind != invalid
	}
	role := fmt.Sprintf("%s in %s", sentence(p.name), b.signature())
	if !fits && n.kind == list && b.repeats && p.kinds[0] == text {
		c.mistake(n.at, wrongType, `%s has to be a text, but this is a list of texts. Write one after the other: %s("a", "b").`, role, b.name)
		return bad(n.at), false
	}
	if !fits {
		var ok bool
		if n, ok = c.want(n, p.kinds[0], role); !ok {
			return n, false
		}
	}
	if p.constant && !n.constant {
		c.mistake(n.at, notConstant, "%s is read once, when the policy is loaded, and cannot depend on a request. Example: %s.", role, b.example)
		return bad(n.at), false
	}
	return n, true
}
