package policy

import (
	"slices"
	"sync"
)

// language is what every expression may ask for. It is made once, and never changes.
type language struct {
	attributes map[string]*attribute
	builtins   map[string]*builtin
	roots      []string // first parts of the attributes' names
}

// theLanguage gives the one there is.
var theLanguage = sync.OnceValue(func() *language {
	l := &language{attributes: make(map[string]*attribute), builtins: make(map[string]*builtin)}
	for _, a := range attributes() {
		l.attributes[a.name] = &a
		if root := rootOf(a.name); !slices.Contains(l.roots, root) {
			l.roots = append(l.roots, root)
		}
	}
	l.roots = append(l.roots, dataRoot)
	for _, b := range builtins() {
		l.builtins[b.name] = &b
	}
	return l
})
