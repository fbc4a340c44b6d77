package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is got into the files of testdata")

// TestStories runs each archive of testdata/stories. In it stand
//
//   - policies.hcl: the policies, and their tests
//   - NAME.json: what is asked, and NAME.want: what is decided, as OUTCOME POLICY/RULE: MESSAGE
//   - NAME.why: the same, explained; NAME.why.json: as data; NAME.why.colour: with colours, ESC written as ^
//   - NAME.record: what is kept of it
//   - results: what came of the tests, and what none of them has reached
//   - expressions: a line for each expression of the input that stands in input.json, with its value behind =>
//
// With -update, the wants and values are written anew.
func TestStories(t *testing.T) {
	for _, path := range glued(t, "testdata/stories/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := *archive
			got.Files = tell(t, archive)
			if want, got := txtar.Format(archive), txtar.Format(&got); string(want) != string(got) {
				if *update {
					writeFile(t, path, got)
					return
				}
				t.Errorf("%s tells otherwise (-update writes it):\n%s", path, firstDifference(string(want), string(got)))
			}
		})
	}
}

// tell gives the files of an archive with what is decided now.
func tell(t *testing.T, archive *txtar.Archive) []txtar.File {
	files := make(map[string]string, len(archive.Files))
	for _, file := range archive.Files {
		files[file.Name] = string(file.Data)
	}
	set, results := new(Set), ""
	if source, ok := files["policies.hcl"]; ok {
		set = mustLoad(t, source)
		results = resultsOf(t, source, set)
	}
	var told []txtar.File
	for _, file := range archive.Files {
		name, kind, _ := strings.Cut(file.Name, ".")
		if source, ok := files[name+".json"]; ok && name != "input" && kind != "json" {
			policy, in := parseAsked(t, source)
			file.Data = append(retold(t, set, policy, in, kind), '\n')
		}
		switch file.Name {
		case "expressions":
			file.Data = []byte(evaluateLines(t, files["input.json"], string(file.Data)))
		case "results":
			file.Data = []byte(results)
		}
		told = append(told, file)
	}
	return told
}

// retold is what is decided of an input, in one of the ways that a story shows.
func retold(t *testing.T, set *Set, policy string, in *Input, kind string) []byte {
	t.Helper()
	why := set.Explain(policy, in)
	switch kind {
	case "want":
		return []byte(spellDecision(set.Evaluate(policy, in)))
	case "record":
		return set.AppendRecord(nil, in, policy)
	case "why.json":
		written, err := json.MarshalIndent(why, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return written
	case "why", "why.colour":
		var written bytes.Buffer
		if err := why.Write(&written, kind == "why.colour"); err != nil {
			t.Fatal(err)
		}
		return bytes.ReplaceAll(bytes.TrimSuffix(written.Bytes(), []byte("\n")), []byte("\x1b"), []byte("^"))
	}
	t.Fatalf("nobody knows what .%s is", kind)
	return nil
}

// resultsOf runs the tests of a source.
func resultsOf(t *testing.T, source string, set *Set) string {
	t.Helper()
	tests, diags := loadTests(source, set)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var told strings.Builder
	var cover Cover
	for _, test := range tests {
		result := test.Run(set)
		cover.Add(result)
		passed := "ok    "
		if !result.Passed {
			passed = "failed"
		}
		fmt.Fprintf(&told, "%s %s: %s: %s\n", passed, result.Source, result.Name, result)
	}
	for _, missed := range cover.Missed(set) {
		fmt.Fprintf(&told, "missed %s: %s %q of %s\n", missed.Source, missed.Effect, missed.Rule, missed.Policy)
	}
	return told.String()
}

func spellDecision(d Decision) string {
	told := fmt.Sprintf("%s %s/%s", d.Outcome, d.Policy, d.Rule)
	if d.Message != "" {
		told += ": " + d.Message
	}
	return told
}

// evaluateLines puts behind each expression the value that it has.
func evaluateLines(t *testing.T, input, lines string) string {
	_, in := parseAsked(t, input)
	var told strings.Builder
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&told, line)
			continue
		}
		expression, _, _ := strings.Cut(line, " => ")
		fmt.Fprintf(&told, "%s => %s\n", strings.TrimSpace(expression), evaluated(t, expression, in))
	}
	return told.String()
}

// evaluated is the value of an expression, or what is wrong with it.
func evaluated(t *testing.T, source string, in *Input) string {
	expression, diags := hclsyntax.ParseExpression([]byte(source), "expression.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", source, diags)
	}
	c := newChecker(testOptions())
	n := c.expression(expression)
	if len(c.diags) > 0 {
		return c.diags[0].Summary
	}
	value, known, _ := spelled(step{kind: n.kind, run: n.run}, &frame{in: in})
	if !known {
		return "unknown"
	}
	return value
}

// parseAsked reads an Input as a story writes it: as ParseInput does, with the name of the policy beside.
func parseAsked(t *testing.T, source string) (policy string, in *Input) {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal([]byte(source), &values); err != nil {
		t.Fatalf("%s: %s", source, err)
	}
	policy, _ = values["policy"].(string)
	delete(values, "policy")
	in, err := NewInput(values, time.Time{})
	if err != nil {
		t.Fatalf("%s: %s", source, err)
	}
	return policy, in
}

// headers are fields in the way of net/http.
type headers http.Header

func (h headers) Field(name string) (string, bool) {
	values := h[name]
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func glued(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing in %s (%v)", pattern, err)
	}
	return paths
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// firstDifference shows the first lines that differ.
func firstDifference(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wants), len(gots)) {
		if wants[i] != gots[i] {
			return fmt.Sprintf("line %d\nwant %s\n got %s", i+1, wants[i], gots[i])
		}
	}
	return "one of them is longer"
}
