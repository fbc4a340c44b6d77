package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Path says which paths are a route's. Paths are compared byte by byte, in the one form that requests are brought into
// (percent-encoded as little as possible, without dot segments and doubled slashes).
type Path struct {
	Kind    PathKind
	Text    string         // a prefix without the slash at its end ("/" for all); of a pattern, what was written
	Below   string         // whole segments that all paths begin with, as a prefix
	Pattern *regexp.Regexp // nil unless Kind is PatternPath
}

// PathKind is how a Path is compared.
type PathKind uint8

// The kinds.
const (
	PrefixPath  PathKind = iota // the path itself, and all below it by whole segments
	ExactPath                   // that path alone
	PatternPath                 // what an RE2 expression matches, which is bound to the path's beginning
)

// String is the path as it is written in a configuration.
func (p Path) String() string {
	return [...]string{PrefixPath: "", ExactPath: "=", PatternPath: "~"}[p.Kind] + p.Text
}

// Takes tells whether a canonical path is one of these.
func (p Path) Takes(path string) bool {
	switch p.Kind {
	case ExactPath:
		return path == p.Text
	case PatternPath:
		return below(p.Below, path) && p.Pattern.MatchString(path)
	}
	return below(p.Text, path)
}

// below tells whether a path is a prefix or lies below it, by whole segments.
func below(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// Before compares two that take the same path: -1 when p goes first, 1 when other does, 0 when they are the same. One path
// alone goes first, then whatever names more whole segments; with as many of them an expression goes before the plain
// prefix, of two expressions the longer, then the one that is first in the alphabet.
func (p Path) Before(other Path) int {
	exact := func(p Path) int {
		if p.Kind == ExactPath {
			return 0
		}
		return 1
	}
	pattern := func(p Path) int {
		if p.Kind == PatternPath {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(exact(p), exact(other)),
		cmp.Compare(segments(other.Below), segments(p.Below)),
		cmp.Compare(pattern(p), pattern(other)),
		cmp.Compare(len(other.Text), len(p.Text)),
		cmp.Compare(p.Text, other.Text),
	)
}

// segments counts those of a prefix.
func segments(prefix string) int { return strings.Count(strings.TrimSuffix(prefix, "/"), "/") }

// Everything is what a route is for, most specific first: its paths, or else its prefix.
func (r *Route) Everything() []Path {
	if len(r.Paths) > 0 {
		return r.Paths
	}
	prefix := orText(r.Prefix, "/")
	return []Path{{Text: prefix, Below: prefix}}
}

// Match is the most specific of a route's paths that takes a canonical path; ok is false when none does.
func (r *Route) Match(path string) (match Path, ok bool) {
	for _, p := range r.Everything() {
		if p.Takes(path) {
			return p, true
		}
	}
	return Path{}, false
}

// What can be wrong with a path that is written down.
var (
	errSlash   = errors.New("a path begins with a slash")
	errLame    = errors.New("the path has a percent sign that encodes nothing")
	errDots    = errors.New("the path has an empty segment, \".\" or \"..\". No request would match it")
	errEncoded = errors.New("the path has an encoded slash, a backslash or a control character. No request would match it")
	errQuery   = errors.New("a path ends before the query: no \"?\" and no \"#\"")
)

// pathPrefix checks a path, and gives it as prefixes are matched: canonical, without the slash at the end, "/" for all.
func pathPrefix(path string) (string, error) {
	path, err := canonicalPath(orText(path, "/"))
	if err != nil || path == "/" {
		return path, err
	}
	return strings.TrimSuffix(path, "/"), nil
}

// canonicalPath checks a path, and gives it the one form in which paths of requests are compared: percent-encoded as
// little as possible. What no request would match is an error.
func canonicalPath(path string) (string, error) {
	switch {
	case path == "" || path[0] != '/':
		return "", errSlash
	case strings.ContainsAny(path, "?#"):
		return "", errQuery
	}
	if err := checkSegments(strings.TrimSuffix(path, "/")); err != nil {
		return "", err
	}
	return escape.ReplaceAllStringFunc(uncommon.ReplaceAllStringFunc(path, escaped), leastEscape), nil
}

func checkSegments(path string) error {
	if path == "" {
		return nil
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return errLame
		}
		name, _, parameter := strings.Cut(plain, ";")
		switch {
		case plain == "" || name == ".." || name == "." && (parameter || plain == name):
			return errDots
		case strings.ContainsAny(plain, "/\\") || strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return errEncoded
		}
	}
	return nil
}

var (
	escape   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	needless = regexp.MustCompile(`^%(2[146-9ACDE]|3[0-9A]|4[0-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])$`)
	uncommon = regexp.MustCompile(`[^A-Za-z0-9._~!$&'()*,;=:@%/+-]+`)
)

// escaped is a text with all of its bytes percent-encoded: they are sent so.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// leastEscape decodes a percent-encoded character that means the same to every reader, and writes others in upper case
// (RFC 3986, section 6.2.2): unreserved ones, and those delimiters that no server gives a meaning in a path.
func leastEscape(s string) string {
	s = strings.ToUpper(s)
	if !needless.MatchString(s) {
		return s
	}
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
