package config_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"picket/node/config"
)

// given is a configuration with one mistake and two warnings.
func given(t *testing.T) *config.Problems {
	t.Helper()
	setEnvironment(t)
	dir, _ := withBase(t, "testdata/mistakes/gap.hcl")
	write(t, filepath.Join(dir, "admin.hcl"), "admin {\n  address = \"192.0.2.1:9901\"\n  port = 1\n}\n")
	_, problems := config.Load(dir)
	return problems
}

func TestProblemsAreCounted(t *testing.T) {
	if got, want := given(t).Summary(), "1 error, 2 warnings"; got != want {
		t.Errorf("Summary = %q, want %q", got, want)
	}
}

func TestProblemsAsOneLineEach(t *testing.T) {
	lines := strings.Split(given(t).Error(), "\n")
	if len(lines) != 3 || !strings.HasSuffix(strings.Split(lines[2], ": ")[0], "admin.hcl:3:3") {
		t.Errorf("Error = %q", lines)
	}
}

func TestProblemsForPrograms(t *testing.T) {
	got := decoded(t, given(t))[2]
	if got.Severity != "error" || got.Summary != "Unknown attribute" || filepath.Base(got.File) != "admin.hcl" ||
		got.Line != 3 || got.Column != 3 || got.EndLine != 3 || got.EndColumn != 7 || got.Detail == "" {
		t.Errorf("JSON has %+v", got)
	}
}

func TestColourAddsNothingToRead(t *testing.T) {
	problems := given(t)
	var plain, coloured bytes.Buffer
	if err := problems.Write(&plain, false, 60); err != nil {
		t.Fatal(err)
	}
	if err := problems.Write(&coloured, true, 60); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(coloured.String(), "\x1b[31;1mError") {
		t.Errorf("an error is not red:\n%q", coloured.String())
	}
	stripped := strings.NewReplacer("\x1b[31;1m", "", "\x1b[33;1m", "", "\x1b[1m", "", "\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "")
	if got := stripped.Replace(coloured.String()); got != plain.String() {
		t.Errorf("without colours it reads\n%s\nwant\n%s", got, plain.String())
	}
}

func TestNoProblems(t *testing.T) {
	var none *config.Problems
	var out bytes.Buffer
	text, err := none.JSON()
	if none.Failed() || none.Error() != "" || none.Summary() != "" || none.Write(&out, true, 80) != nil || out.Len() > 0 ||
		string(text) != "[]" || err != nil {
		t.Errorf("no problems are told: %s%s", out.String(), text)
	}
}
