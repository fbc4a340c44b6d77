package policy

import (
	"regexp"
	"strings"
	"testing"
)

func TestGlobThatIsNotUTF8IsRefused(t *testing.T) {
	if _, err := parseGlob("?\xff?"); err == nil {
		t.Error("it is taken")
	}
}

// FuzzGlob compares a glob with the regular expression that it stands for.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"/docs/**", "/docs/a/b"}, {"/a/*/b", "/a/x/b"}, {"/a*a", "/a"}, {"*", ""}, {"**", "\n"}, {"", ""}, {"", "x"},
		{"a\\*b", "a*b"}, {"?", "/"}, {"/***/x", "//x"}, {"*.example.com", "a.b.example.com"}, {"ä?", "äö"},
	} {
		f.Add(seed[0], seed[1])
	}
	tokens := regexp.MustCompile(`(?s)\*\*+|\\.|.`)
	f.Fuzz(func(t *testing.T, pattern, value string) {
		g, err := parseGlob(pattern)
		if err != nil {
			return
		}
		expression := tokens.ReplaceAllStringFunc(pattern, func(token string) string {
			switch {
			case strings.HasPrefix(token, "**"):
				return `.*`
			case token == "*":
				return `[^/]*`
			case token == "?":
				return `[^/]`
			case token[0] == '\\':
				return regexp.QuoteMeta(token[1:])
			}
			return regexp.QuoteMeta(token)
		})
		want, err := regexp.Compile(`(?s)\A` + expression + `\z`)
		if err != nil {
			return // not in UTF-8
		}
		if got := g.match(value); got != want.MatchString(value) {
			t.Errorf("glob(%q, %q) is %t", value, pattern, got)
		}
	})
}
