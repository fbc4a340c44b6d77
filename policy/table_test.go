package policy

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// compiles tells what is wrong with an expression.
func compiles(t *testing.T, source string) hcl.Diagnostics {
	t.Helper()
	expression, diags := hclsyntax.ParseExpression([]byte(source), "example.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		return diags
	}
	c := newChecker(Options{})
	c.expression(expression)
	return c.diags
}

func TestEachAttributeIsDocumentedAndItsExampleCompiles(t *testing.T) {
	known := make(map[string]bool)
	for _, a := range attributes() {
		if known[a.name] {
			t.Errorf("%s is twice in the table", a.name)
		}
		known[a.name] = true
		if !strings.HasSuffix(a.doc, ".") || !strings.Contains(a.example, a.name) {
			t.Errorf("%s is not documented", a.name)
		}
		if diags := compiles(t, a.example); len(diags) > 0 {
			t.Errorf("the example of %s: %s", a.name, diags)
		}
		if a.kind == invalid || a.run == nil {
			t.Errorf("%s has no value", a.name)
		}
	}
}

func TestEachFunctionIsDocumentedAndItsExampleCompiles(t *testing.T) {
	known := make(map[string]bool)
	for _, b := range builtins() {
		if known[b.name] {
			t.Errorf("%s is twice in the table", b.name)
		}
		known[b.name] = true
		if !strings.HasSuffix(b.doc, ".") || !strings.Contains(b.example, b.name+"(") {
			t.Errorf("%s is not documented", b.name)
		}
		if diags := compiles(t, b.example); len(diags) > 0 {
			t.Errorf("the example of %s: %s", b.name, diags)
		}
	}
}

func TestFunctionsOfTheLanguageComeBeforeThoseOfTheConfiguration(t *testing.T) {
	options := testOptions()
	options.Functions["lower"] = options.Functions["nothing"]
	expression, _ := hclsyntax.ParseExpression([]byte(`lower("A")`), "x.hcl", hcl.InitialPos)
	template, diags := NewTemplate(expression, options)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if value, _ := template.Value(new(Input)); value != "a" {
		t.Errorf("lower gives %q", value)
	}
}
