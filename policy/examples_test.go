package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestWorkedPoliciesDoAsTheyAreTested runs the tests that stand in each file of examples/policy. They pass, and reach
// every rule.
func TestWorkedPoliciesDoAsTheyAreTested(t *testing.T) {
	for _, path := range glued(t, "../examples/policy/*.hcl") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hcl"), func(t *testing.T) {
			set, tests := loadExample(t, path)
			var cover Cover
			for _, test := range tests {
				result := test.Run(set)
				cover.Add(result)
				if !result.Passed {
					var why strings.Builder
					if err := result.Explanation.Write(&why, false); err != nil {
						t.Fatal(err)
					}
					t.Errorf("%s: %s: %s\n%s", result.Source, result.Name, result, why.String())
				}
			}
			for _, missed := range cover.Missed(set) {
				t.Errorf("%s: no test reaches %s %q of %s", missed.Source, missed.Effect, missed.Rule, missed.Policy)
			}
		})
	}
}

// loadExample reads a file as the configuration does.
func loadExample(t *testing.T, path string) (*Set, []*Test) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclsyntax.ParseConfig(source, filepath.Base(path), hcl.InitialPos)
	content, more := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "policy", LabelNames: []string{"name"}}, {Type: "test", LabelNames: []string{"name"}}, {Type: "data", LabelNames: []string{"name"}},
	}})
	blocks := content.Blocks.ByType()
	options := Options{Files: map[string]*hcl.File{filepath.Base(path): file}}
	for _, block := range blocks["data"] {
		options.Data = append(options.Data, block.Labels[0])
	}
	set, found := Load(blocks["policy"], options)
	tests, wrong := LoadTests(blocks["test"], set, options)
	for _, d := range append(append(append(diags, more...), found...), wrong...) {
		t.Errorf("%s", d)
	}
	if len(tests) == 0 {
		t.Errorf("%s has no tests", path)
	}
	return set, tests
}
