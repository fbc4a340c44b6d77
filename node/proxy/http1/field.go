package http1

import (
	"iter"
	"net/http"
	"slices"
	"strings"
)

// Field is one line of a header.
type Field struct {
	Name, Value string

	known Known // what Name is, where both were read and found to be well formed; unread: in any field that others made
}

// NewField is a field that is looked at now, and not again wherever it goes: for one that is made once and sent often.
func NewField(name, value string) Field {
	f := Field{Name: name, Value: value}
	if validName(name) && isValue(value) {
		f.known = Know(name)
	}
	return f
}

// With is the field with another value; ok is false for one that cannot stand in a field, or a name that is none.
func (f Field) With(value string) (changed Field, ok bool) {
	if f.known == unread || !isValue(value) {
		f = NewField(f.Name, value)
		return f, f.known != unread
	}
	f.Value = value
	return f, true
}

// Known tells which name it has. It costs nothing for a field that was read from the wire.
func (f *Field) Known() Known {
	if f.known != unread {
		return f.known
	}
	return Know(f.Name)
}

// Fields are the lines of a header in their order, flat: one name may stand in several.
type Fields []Field

// Get is the value of the first field of a name, in any case; ok is false when there is none.
func (f Fields) Get(name string) (value string, ok bool) {
	for i := range f {
		if EqualFold(f[i].Name, name) {
			return f[i].Value, true
		}
	}
	return "", false
}

// All gives the values of one name.
func (f Fields) All(name Known) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range f {
			if f[i].Known() == name && !yield(f[i].Value) {
				return
			}
		}
	}
}

// Set puts a value where the first field of a name stands, or at the end, and drops the others of that name.
func (f *Fields) Set(name, value string) {
	first := slices.IndexFunc(*f, func(one Field) bool { return EqualFold(one.Name, name) })
	if first < 0 {
		*f = append(*f, Field{Name: name, Value: value})
		return
	}
	kept, set := (*f)[:first], false
	for _, one := range (*f)[first:] {
		switch {
		case !EqualFold(one.Name, name):
			kept = append(kept, one)
		case !set:
			kept, set = append(kept, Field{Name: name, Value: value}), true
		}
	}
	clear((*f)[len(kept):])
	*f = kept
}

// Remove drops all fields of a name.
func (f *Fields) Remove(name string) {
	*f = slices.DeleteFunc(*f, func(one Field) bool { return EqualFold(one.Name, name) })
}

// Header is the same as net/http has it.
func (f Fields) Header() http.Header {
	header := make(http.Header, len(f))
	room := make([]string, len(f))
	for i := range f {
		name := http.CanonicalHeaderKey(f[i].Name)
		if values := header[name]; values != nil {
			header[name] = append(values, f[i].Value)
			continue
		}
		room[i] = f[i].Value
		header[name] = room[i : i+1 : i+1]
	}
	return header
}

// Flat appends a header of net/http, but what is nil in it.
func (f Fields) Flat(h http.Header) Fields {
	f = slices.Grow(f, len(h))
	for name, values := range h {
		for _, value := range values {
			f = append(f, NewField(name, value))
		}
	}
	return f
}

// names adds the names in a list of them, but framing, which no trailer may have (RFC 9110, section 6.5.1): ok is false then.
func names(to []string, list string) (all []string, ok bool) {
	for name := range strings.SplitSeq(list, ",") {
		name = trimBlanks(name)
		switch Know(name) {
		case TransferEncoding, ContentLength, Trailer:
			return nil, false
		}
		if name != "" {
			to = append(to, name)
		}
	}
	return to, true
}

// Announced are the names that the Trailer fields announce. ok is false when one of them says how the message is framed.
func (f Fields) Announced() (all []string, ok bool) {
	for i := range f {
		if f[i].Known() == Trailer {
			if all, ok = names(all, f[i].Value); !ok {
				return nil, false
			}
		}
	}
	return all, true
}
