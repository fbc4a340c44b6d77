package config

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// place is where a route says for what it is: one path, and where that is written.
type place struct {
	Path
	at hcl.Range
}

// paths reads which paths below its prefix a route is for, the most specific first; nil: all.
func (b block) paths(prefix string) (paths []Path, places []place) {
	words, _ := b.texts("paths")
	for _, w := range words {
		p, err := ParsePath(w.text, prefix)
		if err != nil {
			b.fail(badPath, w.at, "%s", sentence(err))
			continue
		}
		if ours(p.Below) || p.Kind == ExactPath && ours(p.Text) {
			b.fail(reservedPath, w.at, ownPaths)
			continue
		}
		if i := slices.IndexFunc(places, func(other place) bool { return other.String() == p.String() }); i >= 0 {
			b.fail(duplicateName, w.at, "%s is in the list already.", p)
			continue
		}
		places = append(places, place{p, w.at})
		if p.Kind != PatternPath {
			b.doubtStar(w, p.Text)
		}
	}
	slices.SortStableFunc(places, func(p, other place) int { return p.Before(other.Path) })
	for _, p := range places {
		paths = append(paths, p.Path)
	}
	if len(words) == 0 && !b.wrong("paths") {
		places = []place{{Path{Text: prefix, Below: prefix}, b.place("from")}}
	}
	return paths, places
}

// doubtStar warns of a star in a plain path, where it is a character like others.
func (b block) doubtStar(w word, path string) {
	before, _, star := strings.Cut(path, "*")
	if !star {
		return
	}
	b.warn(starInPath, w.at, "A path has no wildcards, and this is for requests with a \"*\" in theirs. A path is for all that is below it, "+
		"as %q is; what else is meant is an expression in paths, \"~^/…\".", before[:strings.LastIndexByte(before, '/')+1])
}

// ParsePath reads one path of a route that is from a URL with the given prefix: "/docs/", "=/robots.txt" or "~^/v[0-9]+/".
func ParsePath(text, prefix string) (p Path, err error) {
	kind, rest := PrefixPath, text
	switch {
	case strings.HasPrefix(text, "="):
		kind, rest = ExactPath, text[1:]
	case strings.HasPrefix(text, "~"):
		return parsePattern(text[1:], prefix)
	case !strings.HasPrefix(text, "/"):
		return p, fmt.Errorf("%.60q begins with neither \"/\" (all paths below) nor \"=/\" (one path) nor \"~^/\" (RE2)", text)
	}
	p = Path{Kind: kind}
	if kind == ExactPath {
		p.Text, err = canonicalPath(rest)
		p.Below = orText(strings.TrimSuffix(p.Text, "/"), "/")
	} else {
		p.Text, err = pathPrefix(rest)
		p.Below = p.Text
	}
	if err == nil && !below(prefix, p.Below) {
		err = fmt.Errorf("%s is not below %s, which the route is from: paths are written whole. Write %q", p.Text, prefix, prefix+p.Text)
	}
	return p, err
}

// methodForm is a token (RFC 9110, section 5.6.2) without what servers confuse.
var methodForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^`|~-]{1,40}$")

// methods reads which methods a route is for; nil: all. GET comes with HEAD (RFC 9110, section 9.3.2).
func (b block) methods() []string {
	words, _ := b.texts("methods")
	var all []string
	for _, w := range words {
		switch upper := strings.ToUpper(w.text); {
		case !methodForm.MatchString(w.text):
			b.fail(badMethod, w.at, "%.40q is not a method. Write such as \"GET\".", w.text)
		case upper == http.MethodTrace || upper == http.MethodConnect:
			b.fail(badMethod, w.at, "%s is not carried by a route for HTTP.", upper)
		case upper != w.text:
			b.fail(badMethod, w.at, "Methods are written in capitals (RFC 9110, section 9.1): %q.", upper)
		case slices.Contains(all, w.text):
			b.fail(duplicateName, w.at, "%s is in the list already.", w.text)
		default:
			all = append(all, w.text)
		}
	}
	if slices.Contains(all, http.MethodGet) && !slices.Contains(all, http.MethodHead) {
		all = append(all, http.MethodHead)
	}
	return all
}

// taken are the addresses that routes are for, to find those that two of them are for.
type taken map[string]claimed

// claimed is who an address is taken by.
type claimed struct {
	route block
	at    hcl.Range
}

// claim notes what a route is for, and reports what another is for already.
func (t taken) claim(b block, r Route, places []place) {
	methods := r.Methods
	if len(methods) == 0 {
		methods = []string{""}
	}
	for _, p := range places {
		told := false
		for _, method := range methods {
			key := method + " " + r.at(p.Path)
			other, twice := t[key]
			if !twice {
				t[key] = claimed{b, p.at}
				continue
			}
			if !told {
				b.fail(sameRoute, p.at, "%s is for %s already, at %s. Let one of them have a longer path%s.",
					other.route, strings.TrimSpace(method+" "+r.at(p.Path)), spot(other.at), orOthers(method))
			}
			told = true
		}
	}
}

// at is one of the addresses that a route is for, in the one form in which such are compared.
func (r Route) at(p Path) string {
	switch {
	case r.Connect != "":
		return r.Address()
	case p.Kind == PrefixPath:
		return r.From.String() + p.Text
	}
	return r.From.String() + " " + p.String()
}

// orOthers is what else would tell two routes apart.
func orOthers(method string) string {
	if method == "" {
		return ", or methods"
	}
	return ", or other methods"
}
