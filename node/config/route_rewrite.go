package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Rewrite is what becomes of a path on its way upstream. The zero Rewrite leaves it as it is.
type Rewrite struct {
	Prefix  string         // takes the place of the prefix that was matched; "": it does not
	Pattern *regexp.Regexp // what it matches is replaced, wherever it stands in the path; nil: nothing is
	Replace string         // by this, as regexp.Expand has it
}

// rewrite reads what becomes of the path.
func (b block) rewrite(r *Route) Rewrite {
	rewrite := Rewrite{Prefix: b.newPrefix(r)}
	pattern, written := b.optional("pattern")
	replace, replaced := b.optional("replace")
	switch {
	case !written && !replaced:
		return rewrite
	case rewrite.Prefix != "":
		b.fail(twoAnswers, b.place("prefix"), "A path is rewritten by its prefix, or by pattern and replace. Leave one of them out.")
	case !b.has("replace"):
		b.fail(missingAttribute, b.at, "pattern needs replace: what takes the place of what it matches, such as \"/$1\".")
	case !b.has("pattern"):
		b.fail(missingAttribute, b.at, "replace needs pattern: an RE2 expression, such as \"^/docs/(.*)$\".")
	case written && replaced:
		rewrite.Pattern, rewrite.Replace = b.replacement(pattern, replace)
	}
	return rewrite
}

func (b block) replacement(pattern, replace word) (*regexp.Regexp, string) {
	compiled, err := regexp.Compile(pattern.text)
	if err != nil {
		b.fail(badPath, pattern.at, "This is not an RE2 expression: %s.", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil, ""
	}
	text, err := expansion(replace.text, compiled.NumSubexp())
	if err != nil {
		b.fail(badPath, replace.at, "%s", sentence(err))
		return nil, ""
	}
	return compiled, text
}

// expansion reads a text in which $1 is the first group of an expression, $0 all of it, and $$ a dollar, and gives it as
// regexp.Expand has it: there $1x would be a group called 1x.
func expansion(text string, groups int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '?', c == '#':
			return "", errQuery
		case c <= ' ', c >= 0x7f, c == '\\', c == '%' && !escape.MatchString(text[i:min(i+3, len(text))]):
			return "", fmt.Errorf("%q may not stand in a path. Write it percent-encoded, and groups as $1", string(rune(c)))
		case c != '$':
			b.WriteByte(c)
		case strings.HasPrefix(text[i+1:], "$"):
			b.WriteString("$$")
			i++
		default:
			digits := text[i+1:]
			digits = digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
			n, err := strconv.Atoi(digits)
			if err != nil {
				return "", errors.New("after a dollar comes the number of a group, as in \"/$1\". A dollar itself is \"$$\"")
			}
			if n > groups {
				return "", fmt.Errorf("there is no group %d: the expression has %d", n, groups)
			}
			fmt.Fprintf(&b, "${%d}", n)
			i += len(digits)
		}
	}
	return b.String(), nil
}
