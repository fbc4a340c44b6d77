package pomerium_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"

	"picket/cmd/picket/pomerium"
	"picket/node/config"
)

// FuzzImport holds that no text makes the import panic, and that what it writes is formatted, can be read, and has
// policies without mistakes.
func FuzzImport(f *testing.F) {
	for _, path := range stories(f) {
		story, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(story.Files[0].Data)
	}
	for _, text := range []string{"", "a", "a: &a [*a]", "{}", "routes: [{from: https://a, to: http://b, policy: {allow: {or: [{}]}}}]", "? [a]\n: b", "<<: a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		result, err := pomerium.Import("in.yaml", src)
		if err != nil {
			if !errors.Is(err, pomerium.ErrNotPomerium) {
				t.Fatal(err)
			}
			return
		}
		if _, diags := hclsyntax.ParseConfig(result.HCL, "out.hcl", hcl.InitialPos); diags.HasErrors() {
			t.Fatalf("%s\n%s", diags, result.HCL)
		}
		if !bytes.Equal(config.Format(result.HCL), result.HCL) {
			t.Errorf("this is not formatted:\n%s", result.HCL)
		}
		compiled(t, result.HCL)
	})
}

// FuzzPolicy is FuzzImport for what stands in one policy.
func FuzzPolicy(f *testing.F) {
	for _, c := range criterionCases() {
		f.Add("allow", "or", c.text)
	}
	f.Add("deny", "nor", `time_of_day: {timezone: UTC, after: "12:30:45"}`)
	f.Add("deny", "not", `source_ip: ["::ffff:10.0.0.1", fe80::1%eth0]`)
	f.Add("allow", "and", "date: {after: 2026-01-01T00:00:00Z}")
	f.Fuzz(func(t *testing.T, action, operator, criterion string) {
		result, err := pomerium.Import("in.yaml", []byte("routes: [{from: https://a.example.com, to: http://b, policy: {"+
			action+": {"+operator+": [{"+criterion+"}]}}}]"))
		if err == nil {
			compiled(t, result.HCL)
		}
	})
}
