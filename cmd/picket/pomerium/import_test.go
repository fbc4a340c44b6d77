package pomerium_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"picket/cmd/picket/pomerium"
)

// TestSecretsStayWhereTheyAre holds that nothing which the stories call a secret is in an output or a note.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	const secret = "do-not-copy-me"
	written := 0
	for _, path := range stories(t) {
		story, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written += strings.Count(string(story.Files[0].Data), secret)
		result, err := pomerium.Import(path, story.Files[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		if said := string(result.HCL) + notes(result); strings.Contains(said, secret) {
			t.Errorf("%s gives a secret away:\n%s", path, said)
		}
	}
	if written < 15 {
		t.Errorf("the stories have %d secrets, which shows too little", written)
	}
}

func TestJSONIsReadToo(t *testing.T) {
	result, err := pomerium.Import("config.json", []byte(`{"routes": [{"from": "https://a.example.com", "to": ["http://b"], "allow_public_unauthenticated_access": true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if result.Routes != 1 || !strings.Contains(string(result.HCL), "public = true") {
		t.Errorf("%d routes:\n%s", result.Routes, result.HCL)
	}
}

func TestWhatIsNoConfiguration(t *testing.T) {
	for text, why := range map[string]string{
		"":                              "it is empty",
		"- a\n":                         "it has no settings",
		"text":                          "it has no settings",
		"a: b\na: c\n":                  `line 2: "a" stands twice`,
		"a: [\n":                        "did not find expected node content",
		"a: &a\n  b: *a\n":              "nested too deep",
		"a: " + strings.Repeat("[", 99): "did not find",
		"a: " + strings.Repeat("[", 99) + strings.Repeat("]", 99): "nested too deep",
		"? [a]\n: b\n":             "line 1: a name is a text",
		"<<: a\n":                  "line 1: only a mapping can be merged",
		strings.Repeat("a", 5<<20): "more than 4 MiB",
		laughs(9):                  "too many values",
	} {
		_, err := pomerium.Import("in.yaml", []byte(text))
		if !errors.Is(err, pomerium.ErrNotPomerium) || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40q is refused with %v, want %q", text, err, why)
		}
	}
}

// laughs is a short text that aliases make a long one.
func laughs(n int) string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range n {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return text
}

func TestNotesSayWhereAndWhy(t *testing.T) {
	for _, c := range []struct {
		note pomerium.Note
		want string
	}{
		{pomerium.Note{Line: 3, What: "device", Why: "there is none"}, "line 3: device was not carried over: there is none"},
		{pomerium.Note{Line: 3, What: "groups", Why: "look at the names", Carried: true}, "line 3: groups: look at the names"},
	} {
		if got := c.note.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
