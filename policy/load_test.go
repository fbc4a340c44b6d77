package policy

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// parse gives the policy blocks of a source.
func parse(source string) (hcl.Blocks, hcl.Diagnostics) {
	policies, _, diags := parseFile([]byte(source), "policies.hcl")
	return policies, diags
}

// parseFile gives the policy blocks and the test blocks of a file.
func parseFile(source []byte, name string) (policies, tests hcl.Blocks, diags hcl.Diagnostics) {
	file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	content, more := file.Body.Content(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "policy", LabelNames: []string{"name"}}, {Type: "test", LabelNames: []string{"name"}}},
	})
	blocks := content.Blocks.ByType()
	return blocks["policy"], blocks["test"], append(diags, more...)
}

// load reads policies as the configuration does.
func load(source string) (*Set, hcl.Diagnostics) {
	blocks, diags := parse(source)
	options := testOptions()
	options.Files = map[string]*hcl.File{"policies.hcl": {Bytes: []byte(source)}}
	set, found := Load(blocks, options)
	return set, append(diags, found...)
}

// loadTests reads the tests that stand beside policies.
func loadTests(source string, set *Set) ([]*Test, hcl.Diagnostics) {
	_, blocks, _ := parseFile([]byte(source), "policies.hcl")
	return LoadTests(blocks, set, testOptions())
}

func mustLoad(t testing.TB, source string) *Set {
	t.Helper()
	set, diags := load(source)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return set
}

// testOptions has functions as the configuration has them: one that fails,
// one that gives nothing, one that gives what no policy can use.
func testOptions() Options {
	env := function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].AsString() != "OFFICE" {
				return cty.NilVal, errors.New("it is not set")
			}
			return cty.StringVal("10.0.0.0/8"), nil
		},
	})
	nothing := function.New(&function.Spec{
		Type: function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return cty.NullVal(cty.String), nil },
	})
	handles := cty.Capsule("handle", reflect.TypeFor[int]())
	handle := function.New(&function.Spec{
		Type: function.StaticReturnType(handles),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return cty.CapsuleVal(handles, new(int)), nil },
	})
	return Options{Data: []string{"roster", "oncall"}, Functions: map[string]function.Function{
		"env": env, "nothing": nothing, "handle": handle, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
	}}
}
