package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
)

func (c *checker) claim(args []node, at hcl.Range) node {
	n := c.attributes["user.claims"].node(at)
	for _, name := range args {
		n = c.index(n, name, at)
	}
	return n
}

func (c *checker) present(args []node, at hcl.Range) node {
	of := args[0]
	if of.kind == fields {
		c.mistake(of.at, wrongType, "What may be there is one of them.%s", remedy(fields, invalid))
		return bad(at)
	}
	return c.made(boolean, at, of.kind.shape().present(of), of)
}

func (c *checker) coalesce(args []node, at hcl.Range) node {
	written := slices.Clone(args)
	k, ok := c.unify(args, "A value of coalesce")
	if !ok {
		return bad(at)
	}
	for i := range args {
		if written[i].kind == dynamic && k != dynamic {
			args[i].run = k.shape().whole(written[i], args[i])
		}
	}
	return c.made(k, at, k.shape().coalesce(args), args...)
}
