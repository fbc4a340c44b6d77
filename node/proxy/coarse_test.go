package proxy

import (
	"net/http"
	"testing"
)

// A sweep takes as long as the store lets it: whoever sends something meanwhile is not idle for that.
func TestTimeGoesOnDuringASweep(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	held := &w.door.streams.rings[0].mu
	held.Lock()
	defer held.Unlock()
	for range 3 { // the first may be of a sweep that had looked there already
		before := w.door.coarse.Load()
		w.until("time goes on", func() bool { return w.door.coarse.Load() > before })
	}
}
