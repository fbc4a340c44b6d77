package config

import (
	"github.com/hashicorp/hcl/v2"

	"picket/policy"
)

// policies hands the policy blocks to the package that knows their language.
func (b block) policies() (*policy.Set, []string) {
	var blocks hcl.Blocks
	var names []string
	for _, inner := range b.body.Blocks {
		if inner.Type == "policy" && len(inner.Labels) == 1 {
			blocks = append(blocks, inner.AsHCLBlock())
			names = append(names, inner.Labels[0])
		}
	}
	set, diags := policy.Load(blocks, policy.Options{Functions: b.context.Functions})
	b.take(diags)
	return set, names
}
