package proxy

import (
	"crypto/x509"
	"errors"
	"net/http"
	"testing"

	"picket/node/proxy/http1"
)

// A request may be found by several changes at once, and goes on for a moment when it was cut.
func TestARequestThatIsCutIsCountedOnce(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	rules := w.door.inForce.Load()
	a := &ask{r: &http1.Request{}, rules: rules, route: rules.routes[0], shown: []*x509.Certificate{{}}} // of nobody, at a route for staff
	s := w.door.streams.add(a, 0)
	defer w.door.streams.remove(s)
	w.door.askAgain(w.ctx, []*stream{s, s})
	w.door.askAgain(w.ctx, []*stream{s})
	if cut := w.gauge("picket_cut_streams_total"); !errors.Is(a.r.Life.Cause(), errNobody) || cut != 1 {
		t.Errorf("%v cuts are counted, of a request that ended with %v", cut, a.r.Life.Cause())
	}
}
