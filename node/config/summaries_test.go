package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEveryMistakeIsShown wants each summary of mistakes.go on a line of a file of testdata.
func TestEveryMistakeIsShown(t *testing.T) {
	shown := ""
	for _, pattern := range []string{"testdata/mistakes/*.hcl", "testdata/told/*.txtar", "testdata/fixed/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			shown += string(text)
		}
	}
	for name, summary := range summaries(t) {
		if !strings.Contains(shown, "# ERROR: "+summary) && !strings.Contains(shown, "# WARNING: "+summary) &&
			!strings.Contains(shown, "Error: "+summary) {
			t.Errorf("no file of testdata shows %s, %q", name, summary)
		}
	}
}

// TestMistakesHaveNames wants no summary written where it is reported: mistakes.go has them all.
func TestMistakesHaveNames(t *testing.T) {
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "fail" && method.Sel.Name != "warn" && method.Sel.Name != "lack" {
				return true
			}
			if _, named := call.Args[0].(*ast.Ident); !named {
				t.Errorf("%s reports a mistake without a name", file.Name)
			}
			return true
		})
	}
}

// summaries are the constants of mistakes.go.
func summaries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	ast.Inspect(sources(t)["mistakes.go"], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all[spec.Names[0].Name] = text
		return true
	})
	return all
}

// sources are the parsed files of this package, without tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = file
	}
	return files
}
