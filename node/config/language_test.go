package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestLaterNames lists what the language knows and this version does not act on. Who builds one of them takes it off.
func TestLaterNames(t *testing.T) {
	want := []string{
		"console", "directory", "forward_auth", "workload",
		"telemetry.traces",
	}
	if got := laterNames("", language()); !slices.Equal(got, want) {
		t.Errorf("later names are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func laterNames(path string, s shape) []string {
	var all []string
	for _, name := range s.later {
		all = append(all, path+name)
	}
	for _, kind := range slices.Sorted(maps.Keys(s.blocks)) {
		all = append(all, laterNames(path+kind+".", s.blocks[kind])...)
	}
	return all
}

// TestTheWholeLanguageIsKnown reads the language by example: each name in it is either read or known for later.
func TestTheWholeLanguageIsKnown(t *testing.T) {
	text, err := os.ReadFile("testdata/language.hcl")
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclsyntax.ParseConfig(text, "language.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d := &decoder{meant: map[meaning]bool{}}
	d.vocabulary("the top level", file.Body.(*hclsyntax.Body), language())
	for _, diag := range d.diags {
		if diag.Summary != string(notYet) {
			t.Errorf("%s", diag)
		}
	}
}

// TestEveryNameIsInTheExample wants no name in the vocabulary that the language by example does not show, but ca of an
// external NATS, which this version adds.
func TestEveryNameIsInTheExample(t *testing.T) {
	text, err := os.ReadFile("testdata/language.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range everyName(language()) {
		if !strings.Contains(string(text), name) {
			t.Errorf("%s is not in the example of the language", name)
		}
	}
}

func everyName(s shape) []string {
	all := slices.Concat(s.attributes, s.later, slices.Collect(maps.Keys(s.blocks)))
	for _, inner := range s.blocks {
		all = append(all, everyName(inner)...)
	}
	return all
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"adress", "address"},
		{"addres", "address"},
		{"Address", "address"},
		{"adrdess", "address"},
		{"listne", "listen"},
		{"port", ""},
		{"", ""},
		{"to", "to"},
		{"x", ""},
	} {
		if got := nearest(c.given, []string{"address", "listen", "to", "from"}); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.given, got, c.want)
		}
	}
}
