package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const referencePage = "../examples/policy/README.md"

// TestReferencePage holds that the reference page is what the tables of the language say. With -update it is written.
func TestReferencePage(t *testing.T) {
	page, err := template.ParseFiles("testdata/reference.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := page.Execute(&got, referenceOf(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		writeFile(t, referencePage, got.Bytes())
	}
	want, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got.Bytes()) {
		t.Errorf("%s says otherwise (-update writes it):\n%s", referencePage, firstDifference(string(want), got.String()))
	}
}

// TestReferencePageShowsPoliciesThatAreRight loads what stands between ```hcl and ``` on the page, and runs its tests.
func TestReferencePageShowsPoliciesThatAreRight(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(page, -1)
	if len(shown) == 0 {
		t.Fatal("it shows none")
	}
	for _, example := range shown {
		set := mustLoad(t, string(example[1]))
		tests, diags := loadTests(string(example[1]), set)
		if diags.HasErrors() {
			t.Error(diags)
		}
		for _, test := range tests {
			if result := test.Run(set); !result.Passed {
				t.Errorf("%s: %s", result.Name, result)
			}
		}
	}
}

// entry is a row of a table of the page.
type entry struct{ Name, Kind, Of, Doc, Example string }

// reference is what the page is made of.
type reference struct {
	Worked                []string
	Attributes, Functions []entry
	Sections              []struct {
		Name  string
		Facts []string
	}
}

func referenceOf(t *testing.T) (r reference) {
	t.Helper()
	for _, path := range glued(t, "../examples/policy/*.hcl") {
		r.Worked = append(r.Worked, filepath.Base(path))
	}
	for _, a := range attributes() {
		r.Attributes = append(r.Attributes, row(a.name, a.kind.String(), "", a.doc, a.example))
	}
	r.Attributes = append(r.Attributes, row("data.NAME", dynamic.String(), "",
		"What a data block holds, by key. It is unknown until the first fact has arrived.", `has(data.oncall, user.email)`))
	for _, b := range builtins() {
		var of []string
		for i := range b.params {
			of = append(of, spellParam(b.params[i]))
		}
		r.Functions = append(r.Functions, row(b.signature(), givenBy(t, b), strings.Join(of, "; "), b.doc, b.example))
	}
	for _, s := range sections() {
		var facts []string
		for _, f := range s.facts {
			facts = append(facts, f.name)
		}
		if s.name == "session" {
			facts = append(facts, "age")
		}
		r.Sections = append(r.Sections, struct {
			Name  string
			Facts []string
		}{s.name, facts})
	}
	return r
}

// row is an entry whose cells have no bar of their own.
func row(name, kind, of, doc, example string) entry {
	bar := strings.NewReplacer("|", `\|`)
	return entry{bar.Replace(name), kind, of, bar.Replace(doc), bar.Replace(example)}
}

func spellParam(p param) string {
	kinds := []string{}
	for _, k := range p.kinds {
		kinds = append(kinds, k.String())
	}
	of := "any value"
	if len(kinds) > 0 {
		of = strings.Join(kinds, " or ")
	}
	if p.constant {
		of += " (constant)"
	}
	return of
}

// givenBy is the kind of what a function gives in its example.
func givenBy(t *testing.T, b builtin) string {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(b.example), "example.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c := newChecker(testOptions())
	c.expression(e)
	for _, s := range c.noted {
		if strings.HasPrefix(b.example[s.at.from:s.at.until], b.name+"(") && strings.HasSuffix(b.example[s.at.from:s.at.until], ")") {
			if b.name == "coalesce" {
				return "what they are"
			}
			return s.kind.String()
		}
	}
	t.Fatalf("the example of %s does not call it", b.name)
	return ""
}
