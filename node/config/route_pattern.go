package config

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// What can be wrong with an expression for paths.
var (
	errUnbound = errors.New("the expression has to begin with ^/ : it would match in the middle of a path. Write \"~^/…\"")
	errNever   = errors.New("no path of a request matches this expression: paths come percent-encoded as little as possible, " +
		"without doubled slashes and dot segments")
)

// parsePattern reads an RE2 expression for whole paths, and the segments that all of them begin with.
func parsePattern(text, prefix string) (Path, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		var wrong *syntax.Error
		if errors.As(err, &wrong) {
			return Path{}, fmt.Errorf("this is not an RE2 expression: %s: %q", wrong.Code, wrong.Expr)
		}
		return Path{}, fmt.Errorf("this is not an RE2 expression: %w", err)
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		return Path{}, fmt.Errorf("this is not an RE2 expression: %w", err)
	}
	literal, whole, bound := literalStart(ungrouped(tree))
	if !bound || !strings.HasPrefix(literal, "/") {
		return Path{}, errUnbound
	}
	if whole {
		return Path{}, fmt.Errorf("this expression is for one path alone. Write %q", "="+literal)
	}
	p := Path{Kind: PatternPath, Text: text, Pattern: pattern, Below: orText(literal[:strings.LastIndexByte(literal, '/')], "/")}
	canonical, err := pathPrefix(p.Below)
	if err != nil || canonical != p.Below {
		return Path{}, errNever
	}
	switch {
	case below(prefix, p.Below):
	case below(p.Below, prefix):
		p.Below = prefix // narrower than the expression says
	default:
		return Path{}, fmt.Errorf("no path below %s, which the route is from, matches this expression: paths are written whole", prefix)
	}
	if _, some := common(anyPath(), pattern); !some {
		return Path{}, errNever
	}
	return p, nil
}

// ungrouped is an expression without its groups, put together as far as can be.
func ungrouped(tree *syntax.Regexp) *syntax.Regexp {
	var drop func(*syntax.Regexp) *syntax.Regexp
	drop = func(e *syntax.Regexp) *syntax.Regexp {
		for e.Op == syntax.OpCapture {
			e = e.Sub[0]
		}
		for i := range e.Sub {
			e.Sub[i] = drop(e.Sub[i])
		}
		return e
	}
	tree = drop(tree)
	if again, err := syntax.Parse(tree.String(), syntax.Perl); err == nil {
		return again
	}
	return tree
}

// literalStart is the text that whatever an expression matches begins with. whole tells that there is nothing else, and
// bound that the expression is bound to the beginning.
func literalStart(tree *syntax.Regexp) (literal string, whole, bound bool) {
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	if parts[0].Op != syntax.OpBeginText {
		return "", false, false
	}
	for i, part := range parts[1:] {
		switch {
		case part.Op == syntax.OpBeginText && literal == "":
		case part.Op == syntax.OpLiteral && part.Flags&syntax.FoldCase == 0:
			literal += string(part.Rune)
		case part.Op == syntax.OpEndText:
			return literal, i == len(parts)-2, true
		case part.Op == syntax.OpLiteral:
			return literal + uncased(part.Rune), false, true
		default:
			return literal, false, true
		}
	}
	return literal, false, true
}

// uncased is what a text begins with that is the same in capitals.
func uncased(text []rune) string {
	for i, r := range text {
		if strings.ToUpper(string(r)) != strings.ToLower(string(r)) {
			return string(text[:i])
		}
	}
	return string(text)
}

// canonicalForm is what paths of requests look like.
const canonicalForm = `^/((([A-Za-z0-9._~!$&'()*,;=:@+-]|%[0-9A-F]{2})+/)*([A-Za-z0-9._~!$&'()*,;=:@+-]|%[0-9A-F]{2})*)?$`

func anyPath() *regexp.Regexp { return regexp.MustCompile(canonicalForm) }
