package policy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

func (c *checker) lower(args []node, at hcl.Range) node {
	return c.made(text, at, mapped(run[string](args[0]), func(f *frame, value string) (string, bool) {
		return lower(f, value), true
	}), args...)
}

func (c *checker) upper(args []node, at hcl.Range) node {
	return c.made(text, at, mapped(run[string](args[0]), func(f *frame, value string) (string, bool) {
		return recased(f, value, unicode.ToUpper), true
	}), args...)
}

// lower is the value in lower case. Most are already, and in ASCII.
func lower(f *frame, value string) string {
	for i := range len(value) {
		if b := value[i]; b >= utf8.RuneSelf || 'A' <= b && b <= 'Z' {
			return recased(f, value, unicode.ToLower)
		}
	}
	return value
}

// recased is the value with each character as to makes it; the value itself when nothing changes. A character that is not of
// ASCII never becomes one that is, as the Kelvin sign would k: who has a name with one does not pass for who has the other.
func recased(f *frame, value string, by func(rune) rune) string {
	to := func(r rune) rune {
		if made := by(r); made >= utf8.RuneSelf || r < utf8.RuneSelf {
			return made
		}
		return r
	}
	for i, r := range value {
		if to(r) != r {
			start := len(f.bytes)
			f.bytes = append(f.bytes, value[:i]...)
			for _, r := range value[i:] {
				f.bytes = utf8.AppendRune(f.bytes, to(r))
			}
			return f.since(start)
		}
	}
	return value
}

func (c *checker) startsWith(args []node, at hcl.Range) node {
	return c.textTest(args, at, strings.HasPrefix)
}

func (c *checker) endsWith(args []node, at hcl.Range) node {
	return c.textTest(args, at, strings.HasSuffix)
}

func (c *checker) contains(args []node, at hcl.Range) node {
	return c.textTest(args, at, strings.Contains)
}

func (c *checker) textTest(args []node, at hcl.Range, test func(value, of string) bool) node {
	return c.made(boolean, at, calculated(run[string](args[0]), run[string](args[1]), func(value, of string) (bool, bool) {
		return test(value, of), true
	}), args...)
}

func (c *checker) glob(args []node, at hcl.Range) node {
	patterns := make([]glob, 0, len(args)-1)
	for _, arg := range args[1:] {
		pattern, err := parseGlob(valueOf[string](arg))
		if err != nil {
			c.mistake(arg.at, badPattern, "%s.", sentence(err.Error()))
			continue
		}
		patterns = append(patterns, pattern)
	}
	if len(patterns) < len(args)-1 {
		return bad(at)
	}
	return c.made(boolean, at, mapped(run[string](args[0]), func(_ *frame, value string) (bool, bool) {
		for i := range patterns {
			if patterns[i].match(value) {
				return true, true
			}
		}
		return false, true
	}), args...)
}

func (c *checker) matches(args []node, at hcl.Range) node {
	expression, err := regexp.Compile(valueOf[string](args[1]))
	if err != nil {
		c.mistake(args[1].at, badExpression, "%s. The syntax is RE2's; a backslash is written twice in a quoted text.", sentence(err.Error()))
		return bad(at)
	}
	return c.made(boolean, at, mapped(run[string](args[0]), func(_ *frame, value string) (bool, bool) {
		return expression.MatchString(value), true
	}), args...)
}

func (c *checker) emailDomain(args []node, at hcl.Range) node {
	return c.made(text, at, mapped(run[string](args[0]), emailDomain), args...)
}

// emailDomain is what follows the last @, in lower case; ok is false when there is none.
func emailDomain(f *frame, address string) (domain string, ok bool) {
	i := strings.LastIndexByte(address, '@')
	if i < 0 || i+1 == len(address) {
		return "", false
	}
	return lower(f, address[i+1:]), true
}
