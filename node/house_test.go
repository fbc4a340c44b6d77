package node

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// mayImport is who may import whom. Arrows point down; siblings do not meet.
var mayImport = map[string][]string{
	"picket/cmd/picket":          {"picket/cmd/picket/dev", "picket/cmd/picket/pomerium", "picket/node", "picket/node/authz", "picket/node/config", "picket/policy"},
	"picket/cmd/picket/dev":      {"picket/node/config"},
	"picket/cmd/picket/pomerium": {"picket/node/config"},
	"picket/node":                {"picket/node/proxy", "picket/node/console", "picket/node/certs", "picket/node/authn", "picket/node/authz", "picket/node/config", "picket/broker", "picket/policy"},
	"picket/node/proxy/gate":     nil,
	"picket/node/proxy/http1":    nil,
	"picket/node/proxy/http2":    {"picket/node/proxy/http1"}, // its requests are those of HTTP/1.1, to whoever serves them
	"picket/node/proxy/http3":    {"picket/node/proxy/http1"}, // a length, a method and a target are the same words there
	"picket/node/proxy/trust":    {"picket/node/config", "picket/policy"},
	"picket/node/proxy/upstream": {"picket/node/config"},
	"picket/node/proxy":          {"picket/node/proxy/gate", "picket/node/proxy/http1", "picket/node/proxy/http2", "picket/node/proxy/http3", "picket/node/proxy/ratelimit", "picket/node/proxy/trust", "picket/node/proxy/upstream", "picket/node/authn", "picket/node/authz", "picket/node/config", "picket/broker", "picket/policy"},
	"picket/node/console":        {"picket/node/authn", "picket/node/authz", "picket/node/config", "picket/broker"},
	"picket/node/authn":          {"picket/node/config", "picket/broker", "picket/policy"},
	"picket/node/certs":          {"picket/node/config", "picket/broker"},
	"picket/node/authz":          {"picket/node/config", "picket/policy"},
	"picket/node/config":         {"picket/policy"},
	"picket/broker":              nil,
	"picket/policy":              nil,

	// Buckets of who may ask how often: pure, and told apart from whoever is asking.
	"picket/node/proxy/ratelimit": nil,
}

// topLevel is what stands at the top of the repository, besides dot-files.
var topLevel = []string{"cmd", "node", "broker", "policy", "examples", "go.mod", "go.sum", "Makefile", "cluster.hcl", "README.md", "LICENSE"}

func TestHouseImportsPointDown(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, "picket/examples") {
			continue // examples stand beside the house
		}
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("%s is not in the table", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "picket/") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestHouseTopLevelIsAsDesigned(t *testing.T) {
	list := exec.Command("git", "ls-files")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		return // a source archive: what else lies around it is not ours to judge
	}
	for file := range strings.FieldsSeq(string(out)) {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(topLevel, top) {
			t.Errorf("%s does not belong at the top level", top)
		}
	}
}

// hclUsers are the only packages that may know HCL.
var hclUsers = []string{"../node/config", "../policy"}

func TestHouseEveryExportedNameIsDocumented(t *testing.T) {
	for _, dir := range packageDirs(t) {
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range goFiles(t, dir) {
			f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
			for _, spec := range f.Imports {
				if strings.Contains(spec.Path.Value, "hashicorp/hcl") && !slices.Contains(hclUsers, dir) && !strings.HasPrefix(dir, "../cmd") {
					t.Errorf("%s knows HCL", name)
				}
			}
		}
		if len(files) == 0 {
			continue
		}
		p, err := doc.NewFromFiles(fset, files, dir)
		if err != nil {
			t.Fatal(err)
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", dir)
		}
		if p.Name == "main" {
			continue
		}
		for _, undocumented := range missing(p) {
			t.Errorf("%s: %s has no comment", dir, undocumented)
		}
	}
}

func missing(p *doc.Package) (names []string) {
	funcs := func(prefix string, list []*doc.Func) {
		for _, f := range list {
			if f.Doc == "" {
				names = append(names, prefix+f.Name)
			}
		}
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			if v.Doc == "" && !valueDocumented(v.Decl) {
				names = append(names, strings.Join(v.Names, ", "))
			}
		}
	}
	funcs("", p.Funcs)
	values(p.Consts)
	values(p.Vars)
	for _, t := range p.Types {
		if t.Doc == "" {
			names = append(names, t.Name)
		}
		funcs("", t.Funcs)
		funcs(t.Name+".", t.Methods)
		values(t.Consts)
		values(t.Vars)
	}
	return names
}

// valueDocumented accepts a group whose members each carry a comment.
func valueDocumented(decl *ast.GenDecl) bool {
	for _, spec := range decl.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if ok && v.Doc == nil && v.Comment == nil {
			return false
		}
	}
	return true
}

func packageDirs(t *testing.T) (dirs []string) {
	for _, root := range []string{"../broker", "../policy", "../node", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "testdata" {
				return filepath.SkipDir
			}
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

func goFiles(t *testing.T, dir string) (files []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// TestHouseReadme holds the README to what there is: its links lead somewhere, its tests exist, and its whole
// configurations load. That its commands run is held by the end-to-end suite.
func TestHouseReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join("..", link[1])); err != nil && !strings.Contains(link[1], "://") {
			t.Errorf("the link %s leads nowhere", link[1])
		}
	}
	tests := allTests(t)
	for _, name := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1) {
		if !tests[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
	t.Setenv("PICKET_SECRET", strings.Repeat("s", 32))
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	for _, block := range regexp.MustCompile("(?s)```hcl\n(cluster .*?)```").FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(t.TempDir(), "wiki.hcl")
		if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, problems := config.Load(file); problems != nil {
			t.Errorf("a configuration of the README: %v", problems)
		}
	}
}

func allTests(t *testing.T) map[string]bool {
	names := map[string]bool{}
	for _, root := range []string{"../broker", "../policy", "../node", "../cmd", "../examples"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllSubmatch(text, -1) {
				names[string(name[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}
