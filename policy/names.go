package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// rootOf is the first part of a dotted name.
func rootOf(name string) string {
	root, _, _ := strings.Cut(name, ".")
	return root
}

// name compiles a dotted name with what may follow it: user.email, user.claims["a"]["b"], a variable of a for.
func (c *checker) name(t hcl.Traversal) node {
	root := t.RootName()
	if v, ok := c.variable(root); ok {
		v.at = t[0].SourceRange()
		return c.steps(v, t[1:])
	}
	if a, ok := c.attributes[root]; ok {
		return c.steps(a.node(t[0].SourceRange()), t[1:])
	}
	if !slices.Contains(c.roots, root) {
		c.unknownRoot(t)
		return bad(t.SourceRange())
	}
	part, at := "", t[0].SourceRange()
	if len(t) > 1 {
		part, at = partOf(t[1]), hcl.RangeBetween(at, t[1].SourceRange())
	}
	if root == dataRoot {
		return c.steps(c.dataBlock(part, at), t[min(2, len(t)):])
	}
	a, ok := c.attributes[root+"."+part]
	if root+"."+part == accessToken {
		return c.steps(c.accessToken(at), t[2:])
	}
	if !ok {
		c.unknownPart(root, part, at)
		return bad(t.SourceRange())
	}
	return c.steps(a.node(at), t[2:])
}

func (a *attribute) node(at hcl.Range) node {
	return node{kind: a.kind, run: a.run, at: at, of: a, steady: a.ofCaller()}
}

// partOf is the name that a step takes: .name or ["name"]; "" when it takes something else.
func partOf(step hcl.Traverser) string {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			return step.Key.AsString()
		}
	}
	return ""
}

func (c *checker) unknownRoot(t hcl.Traversal) {
	root := t.RootName()
	for _, a := range attributes() {
		if strings.HasSuffix(a.name, "."+root) {
			c.mistake(t[0].SourceRange(), unknownName, "There is no %s. Did you mean %s?", root, a.name)
			return
		}
	}
	known := slices.Clone(c.roots)
	for _, l := range c.loops {
		known = append(known, l.names()...)
	}
	advice := didYouMean(root, known)
	if advice == "" {
		advice = fmt.Sprintf(" A condition is about %s; a text stands in quotes.", enumerate(c.roots))
	}
	c.mistake(t[0].SourceRange(), unknownName, "There is no %s.%s", root, advice)
}

func (c *checker) unknownPart(root, part string, at hcl.Range) {
	var known []string
	for _, name := range slices.Sorted(maps.Keys(c.attributes)) {
		if rootOf(name) == root {
			known = append(known, name)
		}
	}
	if part == "" {
		c.mistake(at, unknownName, "%s by itself is no value. Take a part of it: %s.", root, enumerate(known))
		return
	}
	advice := didYouMean(root+"."+part, known)
	if advice == "" {
		advice = fmt.Sprintf(" Known are %s.", enumerate(known))
	}
	if root == "user" {
		advice += fmt.Sprintf(" A claim is user.claims[%q].", part)
	}
	c.mistake(at, unknownName, "There is no %s.%s.%s", root, part, advice)
}

// enumerate writes names as a reader would say them: a, b and c.
func enumerate(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// steps takes parts of parts.
func (c *checker) steps(n node, t hcl.Traversal) node {
	for _, step := range t {
		at := hcl.RangeBetween(n.at, step.SourceRange())
		switch step := step.(type) {
		case hcl.TraverseAttr:
			n = c.index(n, c.primitive(cty.StringVal(step.Name), step.SrcRange), at)
		case hcl.TraverseIndex:
			n = c.index(n, c.primitive(step.Key, step.SrcRange), at)
		}
	}
	return n
}
