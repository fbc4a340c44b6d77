package proxy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"picket/node/config"
)

// The paths of a site are a tree of segments. What takes a path is looked for from the most specific to the least, as
// config.Path has it: that one path alone, then what names more whole segments before what names fewer; with as many of
// them expressions before the plain prefix, and each with a method before one that has none. Whatever does not take the
// method is passed over: the next may.

// node is one segment of the paths of a site.
type node struct {
	below    map[string]*node
	above    *node    // the next towards the root that has a prefix or patterns; nil: none has
	exact    [2]place // one path alone: without a slash at its end, and with one
	prefix   place    // what ends here or goes on
	patterns []pattern
}

// pattern is an expression whose paths lie at a node or below.
type pattern struct {
	config.Path
	place
}

// place are the routes for the same paths. The zero place has none.
type place struct {
	by  []methodRoute
	any *route // for the methods that are not in by; nil: none is
}

type methodRoute struct {
	method string
	route  *route
}

// take is the route for a method; nil: none is.
func (p *place) take(method string) *route {
	for i := range p.by {
		if p.by[i].method == method {
			return p.by[i].route
		}
	}
	return p.any
}

// empty tells whether no route is there.
func (p *place) empty() bool { return p.any == nil && len(p.by) == 0 }

// add puts a route there.
func (p *place) add(r *route) error {
	if len(r.Methods) == 0 {
		if p.any != nil {
			return fmt.Errorf("is taken by route %q", p.any.Name)
		}
		p.any = r
	}
	for _, method := range r.Methods {
		for _, other := range p.by {
			if other.method == method {
				return fmt.Errorf("is taken by route %q for %s", other.route.Name, method)
			}
		}
		p.by = append(p.by, methodRoute{method, r})
	}
	return nil
}

// add hangs a route at its paths.
func (s *site) add(r *route) error {
	for _, method := range r.Methods {
		if i, known := slices.BinarySearch(s.named, method); !known {
			s.named = slices.Insert(s.named, i, method)
		}
	}
	for _, p := range r.Everything() {
		if err := s.addPath(p, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) addPath(p config.Path, r *route) error {
	below, err := canonicalPath(cmp.Or(p.Below, "/"))
	if err != nil {
		return fmt.Errorf("prefix %q: %w", p.Below, err)
	}
	n := s.node(below)
	at := &n.prefix
	switch p.Kind {
	case config.ExactPath:
		at = &n.exact[slashes(p.Text)]
	case config.PatternPath:
		at = n.pattern(p)
	}
	if err := at.add(r); err != nil {
		return fmt.Errorf("%s%s %w", r.From, p, err)
	}
	return nil
}

// slashes is 1 for a path with a slash at its end.
func slashes(path string) int {
	if strings.HasSuffix(path, "/") {
		return 1
	}
	return 0
}

// node is the one of a path, made when it is new.
func (s *site) node(path string) *node {
	n := &s.root
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if segment != "" {
			n = n.child(segment)
		}
	}
	return n
}

// child is the node of a segment below this one, made when it is new.
func (n *node) child(segment string) *node {
	c := n.below[segment]
	if c == nil {
		c = new(node)
		if n.below == nil {
			n.below = make(map[string]*node)
		}
		n.below[segment] = c
	}
	return c
}

// pattern is the place of an expression, made when it is new.
func (n *node) pattern(p config.Path) *place {
	i, found := slices.BinarySearchFunc(n.patterns, p, func(at pattern, p config.Path) int { return at.Before(p) })
	if !found {
		n.patterns = slices.Insert(n.patterns, i, pattern{Path: p})
	}
	return &n.patterns[i].place
}

// tie has every node know where to look on. above is the nearest node with something to find.
func (n *node) tie(above *node) {
	n.above = above
	if !n.prefix.empty() || len(n.patterns) > 0 {
		above = n
	}
	for _, c := range n.below {
		c.tie(above)
	}
}

// lead is what a path leads to.
type lead uint8

// The leads.
const (
	nowhere   lead = iota
	toRoute        // to one route
	otherwise      // to routes for other methods
	unclear        // to one or the other, by who reads it
)

// find gives the route of a canonical path and a method. It is unclear, too, when the path without its parameters, and without
// the segments that were nothing else (/;x/admin), is for another.
func (s *site) find(path, method string) (*route, lead) {
	found, to := s.walk(path, method)
	if to != unclear && hasParameters(path) {
		if other, _ := s.walk(withoutAny(path), method); other != found {
			return nil, unclear
		}
	}
	return found, to
}

// walk is find, but for what an application finds that takes all parameters away. It is unclear when an application
// that takes a segment for its name and parameters (/admin;x, RFC 3986, section 3.3) would take the path for one of another
// route.
func (s *site) walk(path, method string) (*route, lead) {
	n, rest := &s.root, path
	for len(rest) > 1 && n.below != nil {
		segment := rest[1:]
		if end := strings.IndexByte(segment, '/'); end >= 0 {
			segment = segment[:end]
		}
		if name := withoutParameters(segment); len(name) < len(segment) && n.below[name] != nil {
			return nil, unclear
		}
		c := n.below[segment]
		if c == nil {
			break
		}
		n, rest = c, rest[1+len(segment):]
	}
	to := nowhere
	if len(rest) <= 1 { // all of it was walked
		if at := &n.exact[len(rest)]; !at.empty() {
			if r := at.take(method); r != nil {
				return r, toRoute
			}
			to = otherwise
		}
	}
	for ; n != nil; n = n.above {
		for i := range n.patterns {
			if p := &n.patterns[i]; p.Pattern.MatchString(path) {
				if r := p.take(method); r != nil {
					return r, toRoute
				}
				to = otherwise
			}
		}
		if n.prefix.empty() {
			continue
		}
		if r := n.prefix.take(method); r != nil {
			return r, toRoute
		}
		to = otherwise
	}
	return nil, to
}

// methods are those that some route takes a path with, in the order of the alphabet.
func (s *site) methods(path string) []string {
	var all []string
	for _, method := range s.named {
		if _, to := s.find(path, method); to == toRoute {
			all = append(all, method)
		}
	}
	return all
}

// hasParameters tells whether some segment of a canonical path has a semicolon, however it is spelt.
func hasParameters(path string) bool {
	return strings.IndexByte(path, ';') >= 0 || strings.Contains(path, "%3B")
}

// withoutParameters is what stands before the first semicolon of a canonical segment, however it is spelt.
func withoutParameters(segment string) string {
	if i := strings.IndexByte(segment, ';'); i >= 0 {
		segment = segment[:i]
	}
	if i := strings.Index(segment, "%3B"); i >= 0 {
		segment = segment[:i]
	}
	return segment
}

// withoutAny is a canonical path without the parameters of its segments, and without the segments that were nothing else.
func withoutAny(path string) string {
	b, name := make([]byte, 0, len(path)+1), ""
	for segment := range strings.SplitSeq(path[1:], "/") {
		if name = withoutParameters(segment); name != "" {
			b = append(append(b, '/'), name...)
		}
	}
	if name == "" {
		b = append(b, '/')
	}
	return string(b)
}
