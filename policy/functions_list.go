package policy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// contains is slices.Contains for texts, told apart from the method.
func contains(items []string, item string) bool { return slices.Contains(items, item) }

func (c *checker) inGroup(args []node, at hcl.Range) node {
	if len(args) == 1 && args[0].constant {
		group := valueOf[string](args[0])
		return node{kind: boolean, at: at, steady: true, run: eval[bool](func(f *frame) (bool, bool) {
			groups := f.in.User.Groups
			return contains(groups, group), groups != nil
		})}
	}
	wanted := collected(args)
	return node{kind: boolean, at: at, steady: allOfCaller(args...), run: eval[bool](func(f *frame) (bool, bool) {
		groups, ok := wanted(f)
		if !ok || f.in.User.Groups == nil {
			return false, false
		}
		return hasAny(f.in.User.Groups, groups), true
	})}
}

func (c *checker) has(args []node, at hcl.Range) node {
	item := run[string](args[1])
	if args[0].kind == dynamic {
		c.readKey(args[0], args[1])
		return c.made(boolean, at, hasPart(run[any](args[0]), item), args...)
	}
	return c.made(boolean, at, calculated(run[[]string](args[0]), item, func(all []string, one string) (bool, bool) {
		return contains(all, one), true
	}), args...)
}

// hasPart tells whether an object has a part of that name, which is unclear of one that is unreadable; or an array a text.
func hasPart(of eval[any], item eval[string]) eval[bool] {
	return func(f *frame) (bool, bool) {
		value, ok := of(f)
		if !ok {
			return false, false
		}
		one, ok := item(f)
		if !ok {
			return false, false
		}
		if object, isObject := value.(map[string]any); isObject {
			_, unreadable := object[one].(Unreadable)
			f.unclear = f.unclear || unreadable
			return object[one] != nil, !unreadable
		}
		return claimHas(value, one)
	}
}

func (c *checker) hasAny(args []node, at hcl.Range) node {
	return c.made(boolean, at, calculated(run[[]string](args[0]), run[[]string](args[1]), func(all, items []string) (bool, bool) {
		return hasAny(all, items), true
	}), args...)
}

func (c *checker) hasAll(args []node, at hcl.Range) node {
	return c.made(boolean, at, calculated(run[[]string](args[0]), run[[]string](args[1]), func(all, items []string) (bool, bool) {
		return hasAll(all, items), true
	}), args...)
}

func hasAny(all, items []string) bool {
	for _, item := range items {
		if contains(all, item) {
			return true
		}
	}
	return false
}

func hasAll(all, items []string) bool {
	for _, item := range items {
		if !contains(all, item) {
			return false
		}
	}
	return true
}

func (c *checker) length(args []node, at hcl.Range) node {
	of := args[0]
	switch of.kind {
	case list:
		return c.made(number, at, mapped(run[[]string](of), func(_ *frame, items []string) (float64, bool) {
			return float64(len(items)), true
		}), of)
	case text:
		return c.made(number, at, mapped(run[string](of), func(_ *frame, value string) (float64, bool) {
			return characters(value), true
		}), of)
	}
	return c.made(number, at, mapped(run[any](of), func(_ *frame, value any) (float64, bool) {
		return claimLength(value)
	}), of)
}

func characters(value string) float64 { return float64(utf8.RuneCountInString(value)) }

// mapped makes one value of another. It is unknown when that is, or when there is nothing to make of it.
func mapped[A, B any](of eval[A], to func(f *frame, value A) (B, bool)) eval[B] {
	return func(f *frame) (none B, ok bool) {
		value, ok := of(f)
		if !ok {
			return none, false
		}
		return to(f, value)
	}
}

func (c *checker) split(args []node, at hcl.Range) node {
	separator := valueOf[string](args[0])
	if separator == "" {
		c.mistake(args[0].at, badPattern, "A separator is at least one character.")
		return bad(at)
	}
	return c.made(list, at, mapped(run[string](args[1]), func(f *frame, value string) ([]string, bool) {
		start := len(f.items)
		for part := range strings.SplitSeq(value, separator) {
			f.items = append(f.items, part)
		}
		return f.list(start), true
	}), args...)
}

func (c *checker) join(args []node, at hcl.Range) node {
	separator, items := run[string](args[0]), run[[]string](args[1])
	return c.made(text, at, eval[string](func(f *frame) (string, bool) {
		between, ok := separator(f)
		if !ok {
			return "", false
		}
		all, ok := items(f)
		return f.join(all, between), ok
	}), args...)
}
