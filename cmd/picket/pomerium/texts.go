package pomerium

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// subject is what a text of Pomerium's is compared with.
type subject struct {
	name    string                                 // of the attribute: "user.email"
	ofUser  bool                                   // as in test
	there   string                                 // what is true where it is not missing; "": it never is
	blank   bool                                   // where it is missing, Pomerium takes it for ""
	literal func(string) (string, bool)            // what picket has for a text; ok false: nothing
	match   func(operator, text string) expression // how picket compares, where that is not by the text; nil: by the text
}

// ofText makes a criterion of a subject whose texts are compared.
func ofText(of func(r *reader, c written) (s subject, why string)) criterion {
	return func(r *reader, c written) formula {
		s, why := of(r, c)
		if why != "" {
			return r.lost(c, why, s.ofUser)
		}
		return r.textMatcher(c, s)
	}
}

func itself(text string) (string, bool) { return text, true }

func (r *reader) email(written) (subject, string) {
	return subject{name: "user.email", ofUser: true, there: "authenticated", blank: true, literal: itself}, ""
}

// domain is compared in lower case, as picket has it.
func (r *reader) domain(written) (subject, string) {
	lower := func(text string) (string, bool) { return strings.ToLower(text), true }
	return subject{name: "user.email_domain", ofUser: true, there: "present(user.email_domain)", literal: lower}, ""
}

func (r *reader) method(written) (subject, string) {
	return subject{name: "request.method", literal: itself}, ""
}

func (r *reader) path(written) (subject, string) {
	return subject{name: "request.path", literal: itself, match: matchPath}, ""
}

// user is Pomerium's id of a user: the subject that the identity provider has for them, or at Azure the object id.
func (r *reader) user(c written) (subject, string) {
	s := subject{name: "user.id", ofUser: true, there: "present(user.id)"}
	switch {
	case r.azure:
		s.name, s.there, s.literal = `user.claims["oid"]`, `present(user.claims["oid"])`, itself
	case r.issuer == "":
		return s, "ids of users are derived from the identity provider's URL, which the file does not say"
	case partial(c.value):
		return s, "ids of users are derived from what the identity provider calls them: only whole ones can be compared"
	default:
		s.literal = func(text string) (string, bool) { return userID(r.issuer, text), true }
		r.ledger.tell(c.line, c.name, "a user's id in picket is derived from the provider's URL and the id that the provider has for them")
	}
	return s, ""
}

// partial tells whether a matcher asks for a part of a text.
func partial(v value) bool {
	return v.kind == mapping && (v.has("contains") || v.has("starts_with") || v.has("ends_with"))
}

// userID is how picket calls the person whom an identity provider calls by a subject.
func userID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// textMatcher reads an object of operators, all of which must hold; anything else is compared as a whole.
func (r *reader) textMatcher(c written, s subject) formula {
	operators := c.value.entries
	if c.value.kind != mapping {
		operators = []entry{{"is", c.line, c.value}}
	}
	if len(operators) == 0 {
		return r.lost(c, "it is compared with nothing", s.ofUser)
	}
	whole := junction{all: true}
	for _, o := range operators {
		f, why := r.textOperator(c, s, o)
		if why != "" {
			return r.lost(c, why, s.ofUser)
		}
		whole.parts = append(whole.parts, f)
	}
	r.ledger.keep(c.line, c.name)
	return whole
}

// textOperator reads one operator and what it compares with.
func (r *reader) textOperator(c written, s subject, o entry) (f formula, why string) {
	switch o.key {
	case "is", "contains", "starts_with", "ends_with":
		return r.textTest(c, s, o.key, []value{o.value})
	case "not":
		f, why = r.textTest(c, s, "is", []value{o.value})
		return s.not(f), why
	case "in", "not_in":
		if o.value.kind != list {
			return nil, fmt.Sprintf("%s wants a list", o.key)
		}
		f, why = r.textTest(c, s, "is", o.value.items)
		if o.key == "not_in" {
			return s.not(f), why
		}
		return f, why
	}
	return nil, fmt.Sprintf("Pomerium has no operator %s for texts", o.key)
}

// not is the opposite of a comparison. Where the text is missing, Pomerium's comparison is false either way, unless it
// takes what is missing for "".
func (s subject) not(f formula) formula {
	t, ok := f.(test)
	switch {
	case !ok && s.there != "": // it never is equal
		return test{holds: atom(s.there), ofUser: s.ofUser}
	case !ok || s.blank:
		return opposite{f}
	}
	t.holds = negation(t.holds)
	return t
}

// textTest is true when the subject is one of the texts, or compares with one of them. What is no text never does.
func (r *reader) textTest(c written, s subject, operator string, with []value) (f formula, why string) {
	var texts []string
	for _, v := range with {
		if !v.isText() {
			r.ledger.tell(c.line, c.name, "Pomerium compares it with texts alone, and this is none: it never is equal")
			continue
		}
		text, ok := s.literal(v.text)
		if v.text == "" || !ok {
			return nil, "picket has no empty text to compare with: it is missing then"
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return fact(false), ""
	}
	return test{holds: s.compared(operator, texts), ofUser: s.ofUser, missing: s.there != ""}, ""
}

func (s subject) compared(operator string, texts []string) expression {
	if s.match != nil {
		var any []expression
		for _, text := range texts {
			any = append(any, s.match(operator, text))
		}
		return disjunction(any)
	}
	if len(texts) > 1 {
		return call("has", quoteAll(texts), s.name)
	}
	return comparison(s.name, operator, texts[0])
}

// comparison is one of a text that stands there as it is.
func comparison(name, operator, text string) expression {
	switch operator {
	case "contains":
		return call("contains", name, quote(text))
	case "starts_with":
		return call("startswith", name, quote(text))
	case "ends_with":
		return call("endswith", name, quote(text))
	}
	return compare(name, "==", quote(text))
}

// unescaped is a path that has no character that could be percent-encoded in one request and not in another.
var unescaped = regexp.MustCompile(`^[A-Za-z0-9._~/-]*$`)

// matchPath compares a path. Pomerium decodes percent-encodings before, picket has the path as it is forwarded.
func matchPath(operator, path string) expression {
	if unescaped.MatchString(path) {
		return comparison("request.path", operator, path)
	}
	var b strings.Builder
	for _, r := range path {
		b.WriteString(encodings(r))
	}
	expression := b.String()
	if operator == "is" || operator == "starts_with" {
		expression = "^" + expression
	}
	if operator == "is" || operator == "ends_with" {
		expression += "$"
	}
	return call("matches", "request.path", quote(expression))
}

// encodings is a regular expression of a character, as it is or percent-encoded.
func encodings(r rune) string {
	plain := regexp.QuoteMeta(string(r))
	switch {
	case unescaped.MatchString(string(r)):
		return plain
	case r == '%':
		return "%25"
	}
	encoded := ""
	for _, b := range []byte(string(r)) {
		encoded += fmt.Sprintf("%%%02X", b)
	}
	return "(?:" + plain + "|" + encoded + ")"
}
