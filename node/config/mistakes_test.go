package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// problem is one of Problems.JSON.
type problem struct {
	Severity  string
	Summary   string
	Detail    string
	File      string
	Line      int
	Column    int
	EndLine   int `json:"end_line"`
	EndColumn int `json:"end_column"`
}

func (p problem) String() string {
	return fmt.Sprintf("%s:%d: %s: %s; %s", p.File, p.Line, strings.ToUpper(p.Severity), p.Summary, p.Detail)
}

// TestMistakesAreToldWhereTheyStand loads each file of testdata/mistakes, with the blocks of testdata/base that it does
// not have itself, and wants the problems that its comments announce, on their lines, and no other.
func TestMistakesAreToldWhereTheyStand(t *testing.T) {
	for _, path := range glob(t, "testdata/mistakes/*.hcl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			setEnvironment(t)
			dir, file := withBase(t, path)
			_, problems := config.Load(dir)
			expected := announced(t, path)
			for _, got := range decoded(t, problems) {
				i := slices.IndexFunc(expected, func(want problem) bool { return want.is(got, file) })
				if i < 0 {
					t.Errorf("unexpected: %s", got)
					continue
				}
				expected = slices.Delete(expected, i, i+1)
			}
			for _, want := range expected {
				t.Errorf("missing: %s", want)
			}
		})
	}
}

// is tells whether an announced problem is the one that was found.
func (p problem) is(got problem, file string) bool {
	return filepath.Base(got.File) == file && got.Line == p.Line && got.Severity == p.Severity &&
		strings.HasPrefix(got.Summary+"; "+got.Detail, p.Summary)
}

// announced are the problems in the comments of a file.
func announced(t *testing.T, path string) []problem {
	t.Helper()
	marks := regexp.MustCompile(`# (ERROR|WARNING): `)
	var all []problem
	for i, line := range strings.Split(string(read(t, path)), "\n") {
		at := marks.FindAllStringSubmatchIndex(line, -1)
		for n, m := range at {
			end := len(line)
			if n+1 < len(at) {
				end = at[n+1][0]
			}
			all = append(all, problem{
				File:     path,
				Line:     i + 1,
				Severity: strings.ToLower(line[m[2]:m[3]]),
				Summary:  strings.TrimSpace(line[m[1]:end]),
			})
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s announces nothing", path)
	}
	return all
}

// withBase makes a folder with a file and those blocks of testdata/base that the file neither has nor goes WITHOUT.
func withBase(t *testing.T, path string) (dir, file string) {
	t.Helper()
	dir, file = t.TempDir(), "a.hcl"
	text := string(read(t, path))
	write(t, filepath.Join(dir, file), text)
	without := regexp.MustCompile(`(?m)^# WITHOUT:([a-z ]*)`).FindString(text)
	for _, base := range glob(t, "testdata/base/*.hcl") {
		kind := strings.TrimSuffix(filepath.Base(base), ".hcl")
		own := regexp.MustCompile(`(?m)^` + kind + `\b`).MatchString(text)
		if own || slices.Contains(strings.Fields(without), kind) {
			continue
		}
		write(t, filepath.Join(dir, "base-"+kind+".hcl"), string(read(t, base)))
	}
	return dir, file
}

func decoded(t *testing.T, p *config.Problems) []problem {
	t.Helper()
	text, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var all []problem
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
