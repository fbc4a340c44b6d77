//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	// writesPerSecond is how many facts are written beside what is measured.
	writesPerSecond = 1000
	writersAtOnce   = 32
)

// writes are facts that are written to the cluster's store, one after the other or many at once.
type writes struct {
	t      *testing.T
	client *http.Client
	end    context.CancelFunc
	ended  sync.WaitGroup
	began  time.Time

	mu   sync.Mutex
	done int           // guarded by mu
	last time.Time     // guarded by mu: of the last that was acknowledged
	gap  time.Duration // guarded by mu: the longest between two that were acknowledged
}

// written is what became of writes.
type written struct {
	rate float64 // of a second
	gap  time.Duration
}

func newWrites(t *testing.T) (*writes, context.Context) {
	ctx, cancel := context.WithCancel(t.Context())
	now := time.Now()
	w := &writes{t: t, end: cancel, began: now, last: now}
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: writersAtOnce}, Timeout: 30 * time.Second}
	return w, ctx
}

// write writes so many facts a second, over all nodes, until it is stopped.
func (c *cluster) write(t *testing.T, perSecond int) *writes {
	w, ctx := newWrites(t)
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	for i := range writersAtOnce {
		w.ended.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				w.put(ctx, c.nodes[(i+n)%len(c.nodes)], fmt.Sprintf("writer-%d-%d", i, n%100))
			}
		})
	}
	t.Cleanup(pace.Stop)
	return w
}

// writeBy writes one fact after the other at one node until it is stopped.
func (c *cluster) writeBy(t *testing.T, n *node) *writes {
	w, ctx := newWrites(t)
	w.ended.Go(func() {
		for ctx.Err() == nil {
			w.put(ctx, n, "stall")
		}
	})
	return w
}

func (w *writes) put(ctx context.Context, n *node, key string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+n.admin+"/v1/data/facts/"+key, bytes.NewReader([]byte(`{"on":true}`)))
	if err != nil {
		w.t.Error(err)
		return
	}
	response, err := w.client.Do(request)
	if err != nil {
		return // it is counted as a gap
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	w.gap = max(w.gap, now.Sub(w.last))
	w.last = now
}

// goOn waits until so many more were acknowledged.
func (w *writes) goOn(more int) {
	w.t.Helper()
	w.mu.Lock()
	enough := w.done + more
	w.mu.Unlock()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		done := w.done
		w.mu.Unlock()
		if done >= enough {
			return
		}
	}
	w.t.Fatal("writes do not go on")
}

// stop ends them.
func (w *writes) stop() written {
	w.end()
	w.ended.Wait()
	w.client.CloseIdleConnections()
	return written{rate: float64(w.done) / time.Since(w.began).Seconds(), gap: w.gap}
}
