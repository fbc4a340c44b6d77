package http1

import (
	"net/http"
	"testing"
	"time"
)

// On a connection whose requests are soon done it is looked for the client less and less often, and soon again once one takes long.
func TestAConnectionThatIsNeverWaitedForIsLookedAtRarely(t *testing.T) {
	w := &watch{conn: &conn{}, timer: time.AfterFunc(time.Hour, func() {})} // it is for the test to look, however long that takes
	defer w.timer.Stop()
	var gaps []time.Duration
	for range 2 * mostVain {
		w.start(&exchange{})
		w.look()
		w.stop()
		gaps = append(gaps, w.after())
	}
	if first, last := gaps[0], gaps[len(gaps)-1]; first != watchAfter || last != 8*watchAfter {
		t.Errorf("gaps are %v", gaps)
	}
}

func TestAClientThatLeavesAfterManyQuickRequestsIsNoticed(t *testing.T) {
	gone := make(chan struct{})
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			close(gone)
		}
	}).dial()
	for until := time.Now().Add(10 * watchAfter); time.Now().Before(until); {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.answer("GET")
	}
	c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	_ = c.Conn.Close()
	select {
	case <-gone:
	case <-time.After(soon):
		t.Fatal("nobody noticed")
	}
}
