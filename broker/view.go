package broker

// view is what a Live holds, and the rules by which a list of the whole bucket meets what the feed tells while it is being
// read. It asks nobody; the model in the tests drives it.
type view[T any] struct {
	records map[string]known[T]
	removed map[string]uint64  // revisions of removals that the feed may tell the past of
	upTo    uint64             // everything up to this sequence is in it
	told    map[string]told[T] // by the feed, since the reading began
	whole   bool               // nothing is missing
	reading bool               // a list is being read, be that because something is missing or not
	again   bool               // something was missed since the reading began
}

// known is a record of a view.
type known[T any] struct {
	Entry[T]
	broken bool // it is there, and cannot be read: Value is zero
}

// told is a change that the feed told.
type told[T any] struct {
	known[T]
	removed bool // there is but Key and Revision then
}

func newView[T any]() view[T] {
	return view[T]{records: map[string]known[T]{}, removed: map[string]uint64{}, told: map[string]told[T]{}}
}

// begin is called before a list is read.
func (v *view[T]) begin() {
	v.again, v.reading = false, true
	clear(v.told)
}

// miss says that anything may have changed. What is known so far is all there is until a list replaces it.
func (v *view[T]) miss() { v.whole, v.again, v.upTo = false, true, 0 }

// apply takes one change over. It tells whether the view changed: what a
// list was ahead of does not bring back the old.
func (v *view[T]) apply(c told[T]) bool {
	if v.reading {
		v.told[c.Key] = c
	}
	key, revision := c.Key, c.Revision
	if revision <= v.upTo || revision <= v.records[key].Revision || revision <= v.removed[key] {
		return false
	}
	delete(v.removed, key)
	if c.removed {
		delete(v.records, key)
	} else {
		v.records[key] = c.known
	}
	return true
}

// replace takes a whole list over; false when something was missed meanwhile and it must be read again.
func (v *view[T]) replace(found *listing[T]) bool {
	if v.again {
		return false
	}
	for key, c := range v.told {
		switch {
		case c.Revision <= found.upTo || c.Revision <= found.records[key].Revision || c.Revision <= found.removed[key]:
		case c.removed:
			found.remove(key, c.Revision)
		default:
			found.add(c.known)
		}
	}
	v.records, v.removed, v.upTo = found.records, found.removed, found.upTo
	v.whole, v.reading = true, false
	clear(v.told)
	return true
}

// all is every record's value, and the keys of those that cannot be read.
func (v *view[T]) all() (values map[string]T, broken map[string]struct{}) {
	values, broken = make(map[string]T, len(v.records)), map[string]struct{}{}
	for key, record := range v.records {
		if record.broken {
			broken[key] = struct{}{}
			continue
		}
		values[key] = record.Value
	}
	return values, broken
}

// listing is a list of a bucket in the making: everything up to upTo is in it, and some of what came later.
type listing[T any] struct {
	upTo    uint64
	records map[string]known[T]
	removed map[string]uint64 // later than upTo
}

func newListing[T any](upTo uint64) *listing[T] {
	return &listing[T]{upTo: upTo, records: map[string]known[T]{}, removed: map[string]uint64{}}
}

func (l *listing[T]) add(record known[T]) {
	delete(l.removed, record.Key)
	l.records[record.Key] = record
}

func (l *listing[T]) remove(key string, revision uint64) {
	delete(l.records, key)
	if revision > l.upTo {
		l.removed[key] = revision
	}
}
