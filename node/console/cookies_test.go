package console

import (
	"net/http"
	"testing"
)

func TestACookieThatIsThereTwiceIsNobodys(t *testing.T) {
	for what, c := range map[string]struct {
		lines []string
		want  string
	}{
		"once":                       {[]string{"a=1; __Host-picket=good; b=2"}, "good"},
		"none":                       {[]string{"a=1"}, ""},
		"twice":                      {[]string{"__Host-picket=good; __Host-picket=planted"}, ""},
		"twice, in two lines":        {[]string{"__Host-picket=good", "__Host-picket=planted"}, ""},
		"twice, and the same":        {[]string{"__Host-picket=good; __Host-picket=good"}, ""},
		"twice, of which one is bad": {[]string{`__Host-picket=good; __Host-picket="a\b"`}, ""},
		"by another case":            {[]string{"__host-picket=planted; __Host-picket=good"}, "good"},
	} {
		r := &http.Request{Header: http.Header{"Cookie": c.lines}}
		if got := cookie(r, "__Host-picket"); got != c.want {
			t.Errorf("%s: got %q, want %q", what, got, c.want)
		}
	}
}
