package policy

import (
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// set reads a value into the place that a fact points to.
func (r *inputReader) set(at where, place, value any) {
	ok := true
	switch place := place.(type) {
	case *string:
		ok = r.text(place, at, value)
	case *bool:
		*place, ok = value.(bool)
	case *[]string:
		ok = setTexts(place, value)
	case *map[string]any:
		*place, ok = value.(map[string]any)
	case *time.Time:
		r.time(at, place, value)
	case *netip.Addr:
		r.address(at, place, value)
	case *Fields:
		r.headers(at, place, value)
	case **Data:
		r.data(at, place, value)
	}
	if !ok {
		r.mistake(at, "It has to be %s.", kindAt(place))
	}
}

// kindAt says what is at a place.
func kindAt(place any) string {
	switch place.(type) {
	case *bool:
		return boolean.String()
	case *[]string:
		return list.String()
	case *map[string]any:
		return fields.String()
	}
	return text.String()
}

func (r *inputReader) text(place *string, at where, value any) (ok bool) {
	if pairs, isObject := value.(map[string]any); isObject && at[1] == "query" {
		*place, ok = queryOf(pairs)
		return ok
	}
	*place, ok = value.(string)
	return ok
}

// queryOf writes a query of names and values.
func queryOf(pairs map[string]any) (query string, ok bool) {
	values := make(url.Values, len(pairs))
	for name, value := range pairs {
		word, ok := value.(string)
		if !ok {
			return "", false
		}
		values.Set(name, word)
	}
	return values.Encode(), true
}

func setTexts(place *[]string, value any) (ok bool) {
	if items, isList := value.([]any); isList {
		*place, ok = texts(items)
	}
	return ok
}

// time reads an instant of RFC 3339, or how long before now it was.
func (r *inputReader) time(at where, place *time.Time, value any) {
	written, _ := value.(string)
	if ago, err := time.ParseDuration(written); err == nil && strings.HasPrefix(written, "-") && at[1] != "now" {
		*place = r.before(at, -ago)
		return
	}
	when, ok := instantOf(value)
	if !ok {
		r.mistake(at, `A time is written "2026-01-31T18:00:00Z", or "-10m" for ten minutes before now.`)
		return
	}
	*place = when
}

// before is how long before now a time was.
func (r *inputReader) before(at where, ago time.Duration) time.Time {
	when := r.now.Add(-ago)
	if r.now.IsZero() || !writable(when) {
		r.mistake(at, "This is before now, and now is not given, or too early.")
	}
	return when
}

// instantOf reads an instant of RFC 3339, which has no years of more than four digits.
func instantOf(value any) (when time.Time, ok bool) {
	written, _ := value.(string)
	when, err := time.Parse(time.RFC3339, written)
	when = when.UTC()
	return when, err == nil && writable(when)
}

// writable tells whether RFC 3339 can write an instant.
func writable(when time.Time) bool {
	year := when.UTC().Year()
	return 0 <= year && year <= 9999
}

// age sets when the session was made, and the user authenticated, unless that is told by itself.
func (r *inputReader) age(value any) {
	at := where{"session", "age"}
	written, _ := value.(string)
	age, err := time.ParseDuration(written)
	if err != nil || age < 0 {
		r.mistake(at, `An age is written "1h30m".`)
		return
	}
	r.in.Session.Begun = r.before(at, age)
	r.in.Session.Authenticated = r.in.Session.Begun
}

func (r *inputReader) address(at where, place *netip.Addr, value any) {
	written, _ := value.(string)
	ip, err := netip.ParseAddr(written)
	if err != nil {
		r.mistake(at, `An address is written "10.0.0.1" or "2001:db8::1".`)
		return
	}
	*place = ip
}

func (r *inputReader) headers(at where, place *Fields, value any) {
	fields, _ := value.(map[string]any)
	headers := make(Headers, len(fields))
	for name, value := range fields {
		word, ok := value.(string)
		if !ok {
			r.mistake(at.below(name), "It has to be %s.", text)
			continue
		}
		headers[textproto.CanonicalMIMEHeaderKey(name)] = word
	}
	if fields == nil {
		r.mistake(at, `These are texts by name: {"Accept": "text/html"}.`)
	}
	*place = headers
}

func (r *inputReader) data(at where, place **Data, value any) {
	written, _ := value.(map[string]any)
	blocks := make(map[string]map[string]any, len(written))
	for name, value := range written {
		block, ok := blockOf(value)
		if !ok {
			r.mistake(at.below(name), "These are values by key: {\"a@example.com\": true}.")
			continue
		}
		blocks[name] = block
	}
	if written == nil {
		r.mistake(at, `These are blocks by name: {"oncall": {"a@example.com": true}}.`)
	}
	*place = &Data{blocks}
}
