package policy

import "strconv"

// fromClaim is the eval of a claim as a value of another kind, unknown when the claim is of another; nil when no claim
// can be of that kind.
func fromClaim(k kind, n node) any {
	e := run[any](n)
	switch k {
	case boolean:
		return asserted[bool](e)
	case text:
		return asserted[string](e)
	case number:
		return asserted[float64](e)
	case list:
		return eval[[]string](func(f *frame) ([]string, bool) {
			value, _ := e(f)
			return claimTexts(f, value)
		})
	}
	return nil
}

func asserted[T any](e eval[any]) eval[T] {
	return func(f *frame) (T, bool) {
		value, _ := e(f)
		of, ok := value.(T)
		return of, ok
	}
}

// claimTexts is an array as a list, when all its items are texts.
func claimTexts(f *frame, value any) ([]string, bool) {
	items, ok := value.([]any)
	if !ok {
		return nil, false
	}
	start := len(f.items)
	for _, item := range items {
		word, ok := item.(string)
		if !ok {
			return nil, false
		}
		f.items = append(f.items, word)
	}
	return f.list(start), true
}

// claimsEqual compares two claims. Those of different types, arrays and objects do not compare.
func claimsEqual(a, b any) (equal, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return a == b, ok
	case float64:
		b, ok := b.(float64)
		return a == b, ok
	case bool:
		b, ok := b.(bool)
		return a == b, ok
	}
	return false, false
}

// claimHas tells whether an array has a text among its items. It does not know when an array without the text has items that
// are no texts.
func claimHas(value any, item string) (has, ok bool) {
	items, ok := value.([]any)
	for _, one := range items {
		word, isText := one.(string)
		if isText && word == item {
			return true, true
		}
		ok = ok && isText
	}
	return false, ok
}

// claimLength is the number of items of an array, parts of an object, or characters of a text.
func claimLength(value any) (float64, bool) {
	switch of := value.(type) {
	case string:
		return characters(of), true
	case []any:
		return float64(len(of)), true
	case map[string]any:
		return float64(len(of)), true
	}
	return 0, false
}

// spellClaim writes a text, a number, true or false.
func spellClaim(f *frame, value any) (string, bool) {
	switch of := value.(type) {
	case string:
		return of, true
	case float64:
		return spellNumber(f, of), true
	case bool:
		return strconv.FormatBool(of), true
	}
	return "", false
}

func spellNumber(f *frame, value float64) string {
	start := len(f.bytes)
	f.bytes = strconv.AppendFloat(f.bytes, value, 'f', -1, 64)
	return f.since(start)
}
