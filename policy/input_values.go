package policy

import (
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// set reads a value into the place that a fact points to.
func (r *inputReader) set(path []string, place, value any) {
	ok := true
	switch place := place.(type) {
	case *string:
		ok = r.text(place, path, value)
	case *bool:
		*place, ok = value.(bool)
	case *[]string:
		ok = setTexts(place, value)
	case *map[string]any:
		*place, ok = value.(map[string]any)
	case *time.Time:
		r.time(path, place, value)
	case *netip.Addr:
		r.address(path, place, value)
	case *Fields:
		r.headers(path, place, value)
	case **Data:
		r.data(path, place, value)
	}
	if !ok {
		r.mistake(path, "It has to be %s.", kindAt(place))
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

func (r *inputReader) text(place *string, path []string, value any) (ok bool) {
	if pairs, isObject := value.(map[string]any); isObject && path[len(path)-1] == "query" {
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
func (r *inputReader) time(path []string, place *time.Time, value any) {
	written, _ := value.(string)
	if ago, err := time.ParseDuration(written); err == nil && strings.HasPrefix(written, "-") && path[0] != "now" {
		if r.now.IsZero() {
			r.mistake(path, "This is before now, and now is not given.")
			return
		}
		*place = r.now.Add(ago)
		return
	}
	at, err := time.Parse(time.RFC3339, written)
	if year := at.UTC().Year(); err != nil || year < 0 || year > 9999 {
		r.mistake(path, `A time is written "2026-01-31T18:00:00Z", or "-10m" for ten minutes before now.`)
		return
	}
	*place = at.UTC()
}

// age sets when the session was made, and the user authenticated, unless that is told by itself.
func (r *inputReader) age(value any) {
	path := []string{"session", "age"}
	written, _ := value.(string)
	age, err := time.ParseDuration(written)
	switch {
	case err != nil || age < 0:
		r.mistake(path, `An age is written "1h30m".`)
	case r.now.IsZero():
		r.mistake(path, "This is before now, and now is not given.")
	default:
		r.in.Session.Begun = r.now.Add(-age)
		r.in.Session.Authenticated = r.in.Session.Begun
	}
}

func (r *inputReader) address(path []string, place *netip.Addr, value any) {
	written, _ := value.(string)
	ip, err := netip.ParseAddr(written)
	if err != nil {
		r.mistake(path, `An address is written "10.0.0.1" or "2001:db8::1".`)
		return
	}
	*place = ip
}

func (r *inputReader) headers(path []string, place *Fields, value any) {
	fields, _ := value.(map[string]any)
	headers := make(Headers, len(fields))
	for name, value := range fields {
		word, ok := value.(string)
		if !ok {
			r.mistake(append(path, name), "It has to be %s.", text)
			continue
		}
		headers[textproto.CanonicalMIMEHeaderKey(name)] = word
	}
	if fields == nil {
		r.mistake(path, `These are texts by name: {"Accept": "text/html"}.`)
	}
	*place = headers
}

func (r *inputReader) data(path []string, place **Data, value any) {
	written, _ := value.(map[string]any)
	blocks := make(map[string]map[string]any, len(written))
	for name, value := range written {
		block, ok := value.(map[string]any)
		if !ok {
			r.mistake(append(path, name), "These are values by key: {\"a@example.com\": true}.")
			continue
		}
		blocks[name] = block
	}
	if written == nil {
		r.mistake(path, `These are blocks by name: {"oncall": {"a@example.com": true}}.`)
	}
	*place = &Data{blocks}
}
