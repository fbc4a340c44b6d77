package broker

import (
	"slices"
	"sync"
	"testing"
)

// heard is what a node hears.
type heard struct {
	mu  sync.Mutex
	all []string // guarded by mu
}

func (h *heard) add(m []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, string(m))
}

func (h *heard) has(m string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.all, m)
}

// listen has a node hear a topic until the test ends.
func listen(t *testing.T, b *Broker, topic string) *heard {
	t.Helper()
	h := &heard{}
	done := make(chan error, 1)
	go func() { done <- b.Talk(topic).Run(t.Context(), h.add) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestWhatANodeTellsReachesEveryNode(t *testing.T) {
	t.Parallel() // it mostly waits
	nodes, _ := three(t)
	var all []*heard
	for _, b := range nodes {
		all = append(all, listen(t, b, "limits"))
	}
	other := listen(t, nodes[1], "other")
	for i, h := range all {
		eventually(t, "what a node tells to reach all", func() bool {
			if err := nodes[0].Talk("limits").Tell([]byte("hello")); err != nil { // again: routes may still be made
				t.Fatal(err)
			}
			return h.has("hello")
		})
		if other.has("hello") {
			t.Errorf("node %d heard it under another topic", i)
		}
	}
}

func TestWhatNoNodeSaidIsNotHeard(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{})
	h := listen(t, b, "limits")
	sealed := b.keys.Sealer("talk").Seal([]byte("of another topic"), talkSubject+".other")
	for _, forged := range [][]byte{nil, []byte("plain"), sealed} {
		eventually(t, "the node to listen", func() bool { return b.conn.NumSubscriptions() > 0 })
		if err := b.conn.Publish(talkSubject+".limits", forged); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the node to hear what was said after that", func() bool {
		if err := b.Talk("limits").Tell([]byte("true")); err != nil {
			t.Fatal(err)
		}
		return h.has("true")
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.all {
		if m != "true" {
			t.Errorf("heard %q", m)
		}
	}
}
