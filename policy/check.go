package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// checker compiles expressions, and collects what is wrong with them.
type checker struct {
	problems
	*language
	functions map[string]function.Function // callable with constants only
	loops     []variables                  // of the for expressions around the one that is being compiled
	noted     []step                       // of the expression that is being compiled
	bench     *frame                       // where constants are folded
	mentions  []mention                    // in the expression that is being compiled
	blocks    []string                     // names of the data blocks
	reads     reads                        // of all that was compiled
	data      []dataRead                   // of the policy that is being compiled
	tokens    bool                         // session.access_token may be asked for
	asked     bool                         // and was
	unread    bool                         // the parser has reported an expression that it could not read
}

func newChecker(o Options) *checker {
	return &checker{
		language:  theLanguage(),
		functions: o.Functions,
		bench:     newFrame(),
		blocks:    slices.Sorted(slices.Values(o.Data)),
		tokens:    o.Tokens,
		reads:     reads{headers: make(map[string]bool), query: make(map[string]bool)},
	}
}

// bad is the node of an expression with a mistake that was reported.
func bad(at hcl.Range) node { return node{at: at} }

// expression compiles one expression of native syntax, and notes it as a step, behind those of its parts.
func (c *checker) expression(e hcl.Expression) node {
	if inner, ok := e.(*hclsyntax.ParenthesesExpr); ok {
		return c.expression(inner.Expression)
	}
	below := len(c.noted)
	n := c.compile(e)
	c.note(e, n, below)
	return n
}

func (c *checker) compile(e hcl.Expression) node {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return c.literal(e)
	case *hclsyntax.ScopeTraversalExpr:
		return c.name(e.Traversal)
	case *hclsyntax.RelativeTraversalExpr:
		return c.steps(c.expression(e.Source), e.Traversal)
	case *hclsyntax.IndexExpr:
		return c.index(c.expression(e.Collection), c.expression(e.Key), e.SrcRange)
	case *hclsyntax.FunctionCallExpr:
		return c.call(e)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(e)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(e)
	case *hclsyntax.TemplateExpr:
		if e.IsStringLiteral() {
			return c.spelled(c.primitive(e.Parts[0].(*hclsyntax.LiteralValueExpr).Val, e.SrcRange))
		}
		return c.template(e)
	case *hclsyntax.TemplateWrapExpr:
		return c.spelled(c.expression(e.Wrapped))
	case *hclsyntax.TemplateJoinExpr:
		return c.joined(e)
	case *hclsyntax.TupleConsExpr:
		return c.listLiteral(e)
	case *hclsyntax.ForExpr:
		return c.forList(e)
	case *hclsyntax.ExprSyntaxError:
		c.unread = true
		return bad(e.SrcRange)
	}
	return c.foreign(e)
}

// foreign reports an expression that HCL has, but policies have not.
func (c *checker) foreign(e hcl.Expression) node {
	switch e.(type) {
	case *hclsyntax.SplatExpr:
		c.mistake(e.Range(), notLanguage, `There is no [*] in policies. Write [for x in LIST : x["name"]].`)
	case *hclsyntax.ObjectConsExpr:
		c.mistake(e.Range(), notLanguage, "There are no objects in policies. Compare the parts one by one.")
	default:
		c.mistake(e.Range(), notLanguage, "Policies are written in HCL's native syntax, not in JSON.")
	}
	return bad(e.Range())
}

func (c *checker) literal(e *hclsyntax.LiteralValueExpr) node {
	if e.Val.IsNull() {
		c.mistake(e.SrcRange, noNull, "A value that is missing is unknown, and cannot be compared. Write present(x) or !present(x).")
		return bad(e.SrcRange)
	}
	return c.primitive(e.Val, e.SrcRange)
}

// primitive is the node of a value of the source: a text, a number, true or false. One that the parser could not read
// is unknown.
func (c *checker) primitive(value cty.Value, at hcl.Range) node {
	if !value.IsKnown() {
		c.unread = true
		return bad(at)
	}
	k, run := fromJSON(ctyToJSON(value))
	return node{kind: k, run: run, constant: true, at: at}
}

// made is the node of an expression that depends on nothing but its parts. When they are constant, so is it.
func (c *checker) made(k kind, at hcl.Range, run any, parts ...node) node {
	n := node{kind: k, run: run, at: at, steady: allOfCaller(parts...)}
	for _, part := range parts {
		if !part.constant {
			return n
		}
	}
	folded, ok := k.shape().fold(n, c.bench)
	if c.bench.used() { // what was folded may lie in it
		c.bench = newFrame()
	}
	if !ok {
		c.mistake(at, noValue, "This has no value, whatever the request. Check the index, the divisor, or what the text holds.")
		return bad(at)
	}
	return node{kind: k, run: folded, constant: true, at: at}
}

// want makes a node be of a kind, and reports when it cannot. role says in a few words what the node is for.
func (c *checker) want(n node, k kind, role string) (node, bool) {
	switch {
	case n.kind == invalid:
		return n, false
	case n.kind == k:
		return n, true
	case n.kind == dynamic && fromClaim(k, n) != nil:
		n = c.made(k, n.at, fromClaim(k, n), n)
		return n, n.kind != invalid
	case n.kind == text && k == address && n.constant:
		return c.addressOf(n)
	}
	advice := remedy(n.kind, k)
	if k == text && n.constant && (n.kind == number || n.kind == boolean) {
		advice = " Put it in quotes."
	}
	c.mistake(n.at, wrongType, "%s has to be %s, but this is %s.%s", role, k, n.kind, advice)
	return bad(n.at), false
}

// remedy is a sentence, with a space before it, that says how to get one kind from another; "" when there is no way.
func remedy(got, wanted kind) string {
	switch {
	case got == fields:
		return ` Name one: request.headers["Accept"].`
	case got == dynamic:
		return " A claim may be a text, a number, true or false, or a list of texts."
	case wanted == boolean:
		return " Compare it with something, as in x == y."
	case wanted == list && got == text:
		return ` Put it in brackets: ["x"].`
	case wanted == text && got == list:
		return ` Write join(",", x) for all items, x[0] for the first, or has(x, "item").`
	case wanted == text && (got == number || got == address || got == boolean):
		return ` Write "${x}".`
	case wanted == span:
		return ` Write duration("1h30m").`
	case wanted == instant:
		return ` Write date("2026-01-31", "UTC").`
	case wanted == address:
		return " request.ip is one."
	}
	return ""
}

// unify makes all nodes be of one kind, that of the first which is no claim, and reports when they cannot. Nodes with
// mistakes make it fail.
func (c *checker) unify(nodes []node, role string) (kind, bool) {
	k := dynamic
	for _, n := range nodes {
		switch {
		case n.kind == invalid:
			return invalid, false
		case n.kind == fields:
			c.mistake(n.at, wrongType, "%s has to be one value, but this is %s.%s", role, n.kind, remedy(n.kind, invalid))
			return invalid, false
		case k == dynamic || k == text && n.kind == address:
			k = n.kind
		}
	}
	fit := true
	for i := range nodes {
		var ok bool
		nodes[i], ok = c.want(nodes[i], k, role)
		fit = fit && ok
	}
	return k, fit
}

// constant is the node of a value that is known when policies are loaded.
func (c *checker) constant(value cty.Value, at hcl.Range) node {
	plain := plainOf(value)
	if plain == nil {
		c.mistake(at, noValue, "This gives nothing. A policy needs a value here.")
		return bad(at)
	}
	k, run := fromJSON(plain)
	return node{kind: k, run: run, constant: true, at: at}
}
