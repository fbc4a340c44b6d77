//go:build bench

package bench

import (
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// BenchmarkMap finds one of 10,000 strings in a map: what looking up a route would cost at least, were it no more than a
// lookup.
func BenchmarkMap(b *testing.B) {
	known, names := map[string]int{}, make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("host-%d.example.com/app/%d", i%500, i/500)
		known[names[i]] = i
	}
	i := 0
	for b.Loop() {
		if _, ok := known[names[i&63*100]]; !ok {
			b.Fatal("not found")
		}
		i++
	}
}

// BenchmarkHCL evaluates one rule by HCL's own evaluator.
func BenchmarkHCL(b *testing.B) {
	rule, problems := hclsyntax.ParseExpression([]byte(`user.email == "alice@example.com" && request.method == "GET"`), "rule.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		b.Fatal(problems)
	}
	facts := &hcl.EvalContext{Variables: map[string]cty.Value{
		"user":    cty.ObjectVal(map[string]cty.Value{"email": cty.StringVal("alice@example.com"), "name": cty.StringVal("Alice")}),
		"request": cty.ObjectVal(map[string]cty.Value{"method": cty.StringVal("GET"), "path": cty.StringVal("/")}),
	}}
	b.ReportAllocs()
	for b.Loop() {
		if v, problems := rule.Value(facts); problems.HasErrors() || v.False() {
			b.Fatal("not true")
		}
	}
}
