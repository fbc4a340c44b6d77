package http3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// plain is a response of quic-go as far as its header goes: for one goroutine.
type plain struct {
	*httptest.ResponseRecorder
	statuses []int
}

func (p *plain) WriteHeader(status int) {
	for range p.Header() {
	}
	p.statuses = append(p.statuses, status)
}

func TestWhoReadsTheBodyDisturbsNoHeader(t *testing.T) {
	for range 200 {
		beneath := &plain{ResponseRecorder: httptest.NewRecorder()}
		w := &writer{ResponseWriter: beneath, header: http.Header{}}
		r := httptest.NewRequest("POST", "/", io.NopCloser(nil))
		r.Header.Set("Expect", "100-continue")
		shaped := (&handler{options: &Options{}}).shape(w, r)
		var both sync.WaitGroup
		both.Go(func() { shaped.Body.(*body).goOn() })
		both.Go(func() {
			for n := range 100 {
				w.Header()[http.CanonicalHeaderKey("X-"+string(rune('a'+n%26)))] = []string{"1"}
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
		both.Wait()
		if last := beneath.statuses[len(beneath.statuses)-1]; last != http.StatusUnauthorized {
			t.Fatalf("it was told %v", beneath.statuses)
		}
	}
}

func TestAnAnswerToHEADHasTheLengthThatItWasGiven(t *testing.T) {
	w := newWorld(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("Content-Length", "1000")
		}
		w.WriteHeader(http.StatusOK)
	})})
	by, _ := w.client()
	for path, want := range map[string]int64{"/long": 1000, "/unknown": -1} {
		at := &url.URL{Scheme: "https", Host: "a.test", Path: path}
		res, err := by.RoundTrip((&http.Request{Method: http.MethodHead, Host: "a.test", URL: at}).WithContext(w.ctx))
		w.must(err)
		if res.ContentLength != want {
			t.Errorf("%s: %d, %v", path, res.ContentLength, res.Header)
		}
	}
}
