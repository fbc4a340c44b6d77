package policy

import (
	"net/url"
	"testing"
)

// FuzzQuery compares queryValue with net/url: what it finds is the one value that net/url finds too.
func FuzzQuery(f *testing.F) {
	for _, seed := range [][2]string{
		{"a=1&b=2", "b"}, {"a=1&a=2", "a"}, {"a;b=1", "b"}, {"%61=%2B+", "a"}, {"a=%", "a"}, {"%=1&a=2", "a"}, {"", ""}, {"=x", ""}, {"&&a", "a"}, {"=&", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		frame := newFrame()
		value, ok := queryValue(frame, query, name)
		values, err := url.ParseQuery(query)
		switch {
		case ok && (len(values[name]) != 1 || values[name][0] != value):
			t.Errorf("%q of %q is %q, but net/url finds %q", name, query, value, values[name])
		case !ok && err == nil && len(values[name]) == 1:
			t.Errorf("%q of %q is not found, but net/url finds %q", name, query, values[name])
		case !ok && !frame.unclear && len(values[name]) > 0:
			t.Errorf("%q of %q is missing, but net/url finds %q", name, query, values[name])
		}
	})
}
