package pomerium

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"picket/node/config"
)

// match is which paths are a route's in Pomerium: the first that is set counts, none is all.
type match struct {
	regex    string // of the whole path
	path     string // exactly
	prefix   string // by bytes, not by segments
	priority int64
	prior    bool // priority is set
}

// by is how a route is found.
type by uint8

const (
	byNothing by = iota
	byPrefix
	byPath
	byRegex
)

func (m match) kind() by {
	switch {
	case m.regex != "":
		return byRegex
	case m.path != "":
		return byPath
	case m.prefix != "":
		return byPrefix
	}
	return byNothing
}

// takes tells whether a path is the route's.
func (m match) takes(path string) bool {
	switch m.kind() {
	case byRegex:
		expression, err := regexp.Compile(m.whole())
		return err != nil || expression.MatchString(path)
	case byPath:
		return m.path == path
	}
	return strings.HasPrefix(path, m.prefix)
}

// test is the condition of picket's that is true of those paths.
func (m match) test() formula {
	switch m.kind() {
	case byRegex:
		if _, err := regexp.Compile(m.whole()); err != nil {
			return untold{what: "regex", why: "it is none that picket could read"}
		}
		return test{holds: call("matches", "request.path", quote(m.whole()))}
	case byPath:
		return test{holds: compare("request.path", "==", quote(m.path))}
	case byPrefix:
		return test{holds: call("startswith", "request.path", quote(m.prefix))}
	}
	return fact(true)
}

// whole is the regular expression bound to both ends.
func (m match) whole() string { return "^(?:" + m.regex + ")$" }

// literalPrefix is what all paths that the regular expression matches begin with, in whole segments.
func (m match) literalPrefix() (string, bool) {
	if _, err := regexp.Compile(m.whole()); err != nil {
		return "", false
	}
	expression, err := regexp.Compile(strings.TrimPrefix(m.regex, "^"))
	if err != nil {
		return "/", true
	}
	prefix, complete := expression.LiteralPrefix()
	if !complete || strings.HasSuffix(m.regex, "$") {
		prefix = prefix[:strings.LastIndexByte(prefix, '/')+1]
	}
	if !strings.HasPrefix(prefix, "/") || !prefixForm.MatchString(prefix) {
		return "/", true
	}
	return prefix, true
}

// pattern is the same expression as picket has it; ok is false when picket would not.
func (m match) pattern() (place config.Path, ok bool) {
	text := "~" + m.whole()
	if body, ok := m.bare(); ok {
		text = "~^" + body + "$"
		if path, complete := regexp.MustCompile(body).LiteralPrefix(); complete {
			text = "=" + path
		}
	}
	place, err := config.ParsePath(text, "/")
	return place, err == nil
}

// bare is what stands between ^ and $ in whole; ok is false when more is needed around it.
func (m match) bare() (body string, ok bool) {
	body = strings.TrimPrefix(m.regex, "^")
	if strings.HasSuffix(body, "$") && !strings.HasSuffix(body, `\$`) {
		body = strings.TrimSuffix(body, "$")
	}
	bound, err := syntax.Parse("^"+body+"$", syntax.Perl)
	if err != nil {
		return "", false
	}
	grouped, err := syntax.Parse("^(?:"+body+")$", syntax.Perl)
	return body, err == nil && bound.String() == grouped.String()
}

// compareRoutes is the order in which Pomerium looks at the routes of a host.
func compareRoutes(a, b *route) int {
	priority := 0
	switch {
	case a.match.prior && b.match.prior:
		priority = cmp.Compare(b.match.priority, a.match.priority)
	case a.match.prior:
		priority = -1
	case b.match.prior:
		priority = 1
	}
	return cmp.Or(
		cmp.Compare(a.from, b.from),
		cmp.Compare(b.match.path, a.match.path),
		priority,
		cmp.Compare(b.match.regex, a.match.regex),
		cmp.Compare(b.match.prefix, a.match.prefix),
	)
}

// arrange finds each route a place of its own. picket looks for what names most, in whole segments; Pomerium has another
// order. Where a request would now be another route's than it was, that route refuses it.
func arrange(routes []*route) {
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, compareRoutes)
	places := map[string]*route{}
	for _, r := range slices.Backward(sorted) {
		if r.why != "" || r.outside {
			continue
		}
		place := r.from + r.place.String()
		other, taken := places[place]
		switch {
		case taken && other.match == r.match: // the one that Pomerium sees first
			other.drop("another route is for the same requests")
			places[place] = r
		case taken:
			r.drop("picket has prefixes by whole segments, and " + other.name + " is at " + r.prefix + " already")
		default:
			places[place] = r
		}
	}
	for i, first := range sorted {
		for _, second := range sorted[i+1:] {
			second.keepOff(first)
		}
	}
	for _, r := range routes {
		r.leaveSlashless(routes)
	}
}

// leaveSlashless refuses the path of a prefix without the slash at its end, when it is another route's in Pomerium.
func (r *route) leaveSlashless(routes []*route) {
	if r.match.kind() != byPrefix || !strings.HasSuffix(r.match.prefix, "/") {
		return
	}
	path := strings.TrimSuffix(r.match.prefix, "/")
	for _, other := range routes {
		if other.from == r.from && !other.outside && other.match.takes(path) {
			other := match{path: path}
			r.paths = append(r.paths, condition{r.line, "the path without the slash at the end is another route's", opposite{other.test()}})
			return
		}
	}
}

// keepOff refuses the requests that in Pomerium are those of a route that it looks at before, and in picket would not be.
func (r *route) keepOff(first *route) {
	if r.why != "" || first.outside || first.from != r.from || first.match == r.match {
		return
	}
	below := r.prefix == "/" || strings.HasPrefix(first.prefix+"/", r.prefix+"/")
	above := first.prefix == "/" || strings.HasPrefix(r.prefix+"/", first.prefix+"/")
	switch {
	case !below && !above:
		return
	case r.place.Kind == config.ExactPath && !first.match.takes(r.place.Text):
		return
	case first.why != "":
	case r.place.Before(first.place) < 0: // picket looks there first
	case below && first.match.kind() == byPrefix && !strings.HasSuffix(first.match.prefix, "/"): // what goes on after the prefix
	default:
		return
	}
	r.paths = append(r.paths, condition{first.line, "what is " + first.name + "'s in Pomerium is not admitted here", opposite{first.match.test()}})
}

// condition is what requests of a route must fulfil.
type condition struct {
	line int
	said string
	when formula
}
