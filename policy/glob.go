package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// glob is a pattern of a whole text. Most have one star: these are compared by their ends alone.
type glob struct {
	head, tail string         // what stands before the first wildcard, and after the last
	one        wildcard       // what stands between them, when it is one wildcard; else zero
	rest       *regexp.Regexp // the whole pattern, when it is more than that; else nil
}

// wildcard is what stands for several texts in a glob. The zero wildcard is none.
type wildcard uint8

const (
	_       wildcard = iota
	star             // any text without a slash
	stars            // any text
	anyChar          // one character, but a slash
)

// parseGlob reads a pattern.
func parseGlob(pattern string) (glob, error) {
	var g glob
	var whole, literal strings.Builder
	wildcards := 0
	whole.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		w, width := wildcardAt(pattern[i:])
		if w != 0 {
			if wildcards == 0 {
				g.head = literal.String()
			}
			whole.WriteString(regexp.QuoteMeta(literal.String()) + w.expression())
			literal.Reset()
			wildcards++
			g.one = w
			i += width - 1
			continue
		}
		char, width, err := literalAt(pattern[i:])
		if err != nil {
			return g, err
		}
		literal.WriteByte(char)
		i += width - 1
	}
	g.tail = literal.String()
	whole.WriteString(regexp.QuoteMeta(g.tail) + `\z`)
	if wildcards < 2 && g.one != anyChar {
		return g, nil
	}
	rest, err := regexp.Compile(whole.String())
	if err != nil {
		return g, errors.New("the pattern is too long, or not in UTF-8")
	}
	g.one, g.rest = 0, rest
	return g, nil
}

// wildcardAt is the wildcard that a pattern begins with, and its length; zero when it begins with none.
func wildcardAt(pattern string) (wildcard, int) {
	switch {
	case strings.HasPrefix(pattern, "**"):
		return stars, len(pattern) - len(strings.TrimLeft(pattern, "*"))
	case pattern[0] == '*':
		return star, 1
	case pattern[0] == '?':
		return anyChar, 1
	}
	return 0, 0
}

// literalAt is the byte that a pattern begins with, and how it is long as written.
func literalAt(pattern string) (char byte, width int, err error) {
	switch {
	case strings.IndexByte("[]{}", pattern[0]) >= 0:
		return 0, 0, fmt.Errorf("%c stands for nothing in a pattern; for the character itself write \\\\%[1]c", pattern[0])
	case pattern[0] != '\\':
		return pattern[0], 1, nil
	case len(pattern) == 1:
		return 0, 0, errors.New("a backslash takes the next character literally, and there is none")
	}
	return pattern[1], 2, nil
}

// expression is the wildcard as a regular expression.
func (w wildcard) expression() string {
	return [...]string{star: `[^/]*`, stars: `.*`, anyChar: `[^/]`}[w]
}

// match tells whether the whole value is like the pattern.
func (g *glob) match(value string) bool {
	if !strings.HasPrefix(value, g.head) || !strings.HasSuffix(value, g.tail) {
		return false
	}
	if g.rest != nil {
		return g.rest.MatchString(value)
	}
	middle := len(value) - len(g.tail)
	switch {
	case middle < len(g.head):
		return false
	case g.one == star:
		return strings.IndexByte(value[len(g.head):middle], '/') < 0
	case g.one == stars:
		return true
	}
	return value == g.tail
}
