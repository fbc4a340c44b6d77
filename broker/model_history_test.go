package broker

import (
	"fmt"
	"time"
)

// version is what a key was from a moment on.
type version struct {
	text         string // of the note; "" when removed
	removed      bool
	restored     bool          // not written: the store went back to it
	happened     time.Duration // when a quorum had it
	acknowledged time.Duration // when its writer was told; unheard: never
}

const unheard = never

// remember takes a committed message into the history of its key, and gives its index there.
func (w *world) remember(e entry) int {
	if e.key[0] == '=' || e.key == "filler" {
		return 0
	}
	if w.history[e.key] == nil {
		w.history[e.key] = []version{{removed: true}}
	}
	w.history[e.key] = append(w.history[e.key], version{text: e.text, removed: e.removed, happened: w.now, acknowledged: unheard})
	return len(w.history[e.key]) - 1
}

// check holds what a node admits on, or refuses for, against the history. value is nil where it found no record.
func (w *world) check(n *modelNode, by, key string, begun time.Duration, value *note) {
	all := w.history[key]
	if len(all) == 0 {
		if value != nil {
			w.fail("%s: %s has %q, which was never written", n.name, by, value.Text)
		}
		return
	}
	least := 0
	for i, v := range all {
		known := v.acknowledged <= w.now-modelBound                                                  // the bound
		known = known || value == nil && by == "the cache" && !v.restored && v.acknowledged <= begun // found at once
		if known {
			least = i
		}
	}
	if value == nil {
		w.checkAbsent(n, by, key, least)
		return
	}
	at := -1
	for i, v := range all {
		if v.text == value.Text && !v.removed {
			at = i
		}
	}
	mark := by + key
	switch {
	case at < least:
		w.fail("%s: %s has version %d of %s, and should have %d, %v by now", n.name, by, at, key, least, all[least])
	case at < n.seen[mark]:
		w.fail("%s: %s brings back version %d of %s, whose removal %d was seen", n.name, by, at, key, n.seen[mark])
	}
}

// checkAbsent wants a version from the least on that is a removal.
func (w *world) checkAbsent(n *modelNode, by, key string, least int) {
	all, mark := w.history[key], by+key
	for i := range all {
		if all[i].removed && i >= least {
			for first := n.seen[mark]; first <= i; first++ {
				if all[first].removed {
					n.seen[mark] = first
					break
				}
			}
			return
		}
	}
	w.fail("%s: %s does not find %s, version %d: %+v", n.name, by, key, least, all[least])
}

func (w *world) fail(format string, values ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf("after %s: %s", w.now.Round(time.Millisecond), fmt.Sprintf(format, values...))
	}
}

// checkEnd wants a world without faults to be right again: each node fresh, and knowing what is.
func (w *world) checkEnd() {
	for _, n := range w.nodes {
		if !n.fresh() {
			w.fail("%s is not fresh, though all is well: passed %d of %d, owing %v, whole %v", n.name, n.feed.passed.Load(), len(w.log), n.feed.owing(), n.feed.whole())
			continue
		}
		for _, key := range w.keys {
			all := w.history[key]
			if len(all) == 0 {
				continue
			}
			last := all[len(all)-1]
			got, ok := n.live.All()[key]
			if ok == last.removed || got.Text != last.text {
				w.fail("%s: in the end the view has %q of %s, and should have %q", n.name, got.Text, key, last.text)
			}
			if value, _ := n.cache.shard(key).look(key, w.unique); value != nil && value.Value().Text != last.text {
				w.fail("%s: in the end the cache has %q of %s, and should have %q", n.name, value.Value().Text, key, last.text)
			}
		}
	}
}
