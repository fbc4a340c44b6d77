package policy

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/netip"
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
//   - policies.hcl: the policies
//   - NAME.json: what is asked, and NAME.want: what is decided, as OUTCOME POLICY/RULE: MESSAGE
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
	set := new(Set)
	if source, ok := files["policies.hcl"]; ok {
		set = mustLoad(t, source)
	}
	var told []txtar.File
	for _, file := range archive.Files {
		name, isWant := strings.CutSuffix(file.Name, ".want")
		switch {
		case isWant:
			asked := parseAsked(t, files[name+".json"])
			file.Data = []byte(spellDecision(set.Evaluate(asked.Policy, asked.input())) + "\n")
		case file.Name == "expressions":
			file.Data = []byte(evaluateLines(t, files["input.json"], string(file.Data)))
		}
		told = append(told, file)
	}
	return told
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
	in := parseAsked(t, input).input()
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
	value, ok := valueIn(n, &frame{in: in})
	if !ok {
		return "unknown"
	}
	return value
}

// valueIn spells the value of a node.
func valueIn(n node, f *frame) (value string, ok bool) {
	spell := func(value any, known bool) (string, bool) {
		spelled, err := json.Marshal(value)
		return string(spelled), known && err == nil
	}
	switch n.kind {
	case boolean:
		return spell(run[bool](n)(f))
	case text:
		return spell(run[string](n)(f))
	case number:
		return spell(run[float64](n)(f))
	case list:
		return spell(run[[]string](n)(f))
	case dynamic:
		return spell(run[any](n)(f))
	case instant:
		return spell(run[time.Time](n)(f))
	case address:
		return spell(run[netip.Addr](n)(f))
	}
	length, ok := run[time.Duration](n)(f)
	return length.String(), ok
}

// asked is an Input as a story writes it.
type asked struct {
	Policy  string
	Now     time.Time
	User    *User
	Session Session
	Request struct {
		Method, Host, Path, Query, IP, Scheme string
		Headers                               map[string]string
		CORSPreflight, WebSocket              bool
	}
}

func parseAsked(t *testing.T, source string) asked {
	t.Helper()
	var a asked
	if err := json.Unmarshal([]byte(source), &a); err != nil {
		t.Fatalf("%s: %s", source, err)
	}
	return a
}

func (a asked) input() *Input {
	in := &Input{Session: a.Session, Now: a.Now}
	if a.User != nil {
		in.Authenticated, in.User = true, *a.User
	}
	header := make(http.Header)
	for name, value := range a.Request.Headers {
		header.Set(name, value)
	}
	ip, _ := netip.ParseAddr(a.Request.IP)
	in.Request = Request{
		Method: a.Request.Method, Host: a.Request.Host, Path: a.Request.Path, Query: a.Request.Query,
		Header: headers(header), IP: ip, Scheme: a.Request.Scheme, UserAgent: header.Get("User-Agent"),
		CORSPreflight: a.Request.CORSPreflight, WebSocket: a.Request.WebSocket,
	}
	return in
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
