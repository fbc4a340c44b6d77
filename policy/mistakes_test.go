package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// TestMistakes loads each file of testdata/mistakes. What is wrong with a line stands behind it as
// # ERROR: SUMMARY; DETAIL or # WARNING: SUMMARY; DETAIL, and nothing else is wrong. With -update it is written anew.
func TestMistakes(t *testing.T) {
	for _, path := range glued(t, "testdata/mistakes/*.hcl") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hcl"), func(t *testing.T) {
			written, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			set, diags := load(string(written))
			_, more := loadTests(string(written), set)
			diags = append(diags, more...)
			got := annotated(string(written), diags)
			if got == string(written) {
				return
			}
			if *update {
				writeFile(t, path, []byte(got))
				return
			}
			t.Errorf("%s is told otherwise (-update writes it):\n%s", path, firstDifference(string(written), got))
		})
	}
}

// annotated puts diagnostics behind the lines that they are about, in place of those that stood there.
func annotated(source string, diags hcl.Diagnostics) string {
	lines := strings.Split(source, "\n")
	for i := range lines {
		for _, mark := range []string{" # ERROR: ", " # WARNING: "} {
			lines[i], _, _ = strings.Cut(lines[i], mark)
		}
	}
	for _, d := range diags {
		severity := "ERROR"
		if d.Severity == hcl.DiagWarning {
			severity = "WARNING"
		}
		detail := strings.ReplaceAll(d.Detail, "\n", " ")
		lines[d.Subject.Start.Line-1] += fmt.Sprintf(" # %s: %s; %s", severity, d.Summary, detail)
	}
	return strings.Join(lines, "\n")
}

// TestEveryMistakeHasAnExample holds that each summary is seen in testdata/mistakes.
func TestEveryMistakeHasAnExample(t *testing.T) {
	var all strings.Builder
	for _, path := range glued(t, "testdata/mistakes/*.hcl") {
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(written)
	}
	for _, summary := range summaries(t) {
		if !strings.Contains(all.String(), ": "+summary+"; ") {
			t.Errorf("no file shows %q", summary)
		}
	}
}

// summaries are the constants of mistakes.go.
func summaries(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "mistakes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, value := range spec.Values {
				summary, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, summary)
			}
		}
		return true
	})
	if len(found) == 0 {
		t.Fatal("mistakes.go has no constants")
	}
	return found
}
