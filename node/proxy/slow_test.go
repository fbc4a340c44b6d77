package proxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"

	"picket/node/config"
)

// dribble is a body that comes a byte at a time, for ever.
type dribble struct{ stop <-chan struct{} }

func (d dribble) Read(p []byte) (int, error) {
	select {
	case <-d.stop:
		return 0, io.ErrUnexpectedEOF
	case <-time.After(200 * time.Millisecond):
		p[0] = 'a'
		return 1, nil
	}
}

func TestABodyThatComesAByteAtATimeIsNotWaitedForForEver(t *testing.T) {
	ended := make(chan error, 8)
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}), overHTTP3(t), func(c *config.Config) { c.Listeners[0].BodyRate = 100 })
	by := w.versions()
	enough := make(chan struct{})
	t.Cleanup(func() { close(enough) })
	for name, c := range map[string]struct {
		by     http.RoundTripper
		length int64
	}{
		"HTTP/1.1":                           {by["HTTP/1.1"], 1 << 20},
		"HTTP/1.1, of a length that is open": {by["HTTP/1.1"], -1},
		"HTTP/2":                             {by["HTTP/2"], -1},
		"HTTP/3":                             {by["HTTP/3"], -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(w.ctx, "POST", "https://"+w.address+"/", dribble{enough})
			w.must(err)
			r.Host, r.ContentLength = "open.test", c.length
			begun := time.Now()
			res, err := c.by.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if refused := refusal(t, res); res.StatusCode != http.StatusRequestTimeout || refused.Code != "slow_body" {
				t.Errorf("%s, %+v", res.Status, refused)
			}
			if took := time.Since(begun); took < w.door.bodyGrace {
				t.Errorf("after %s, which is in the grace", took)
			}
			if err := <-ended; err == nil {
				t.Error("the application takes half a body for a whole one")
			}
		})
	}
}

func TestABodyIsSlowByWhatItsClientDoes(t *testing.T) {
	const sweep = time.Second
	late := func(p *bodyPace, n int) (slow bool) {
		for range n {
			slow = p.look(sweep, 10*time.Second, 100) || slow
		}
		return slow
	}
	var waits, quick, busy, streams bodyPace
	waits.waiting.Store(true)
	if late(&waits, 10) {
		t.Error("cut in its grace")
	}
	if !late(&waits, 1) {
		t.Error("one that sends nothing is not cut")
	}
	quick.waiting.Store(true)
	quick.count.Store(3000)
	if late(&quick, 30) || !late(&quick, 1) {
		t.Error("the rate is not what comes on the average")
	}
	if late(&busy, 100) {
		t.Error("a client is cut while the application takes its time")
	}
	streams.waiting.Store(true)
	streams.over.Store(true)
	if late(&streams, 100) {
		t.Error("cut after the answer began")
	}
	if waits.look(sweep, 10*time.Second, 0) {
		t.Error("cut where there is no rate")
	}
}

func TestAFormIsNotWaitedForForEver(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	read := make(chan error, 3)
	parts := w.parts(w.config)
	parts.Pages = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	})
	p, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	p.Use()
	enough := make(chan struct{})
	t.Cleanup(func() { close(enough) })
	for _, by := range w.versions() {
		r, err := http.NewRequestWithContext(w.ctx, "POST", "https://"+w.address+"/.picket/sign_out", dribble{enough})
		w.must(err)
		r.Host = "open.test"
		go func() {
			if res, err := by.RoundTrip(r); err == nil {
				_ = res.Body.Close() // what matters is what the page reads
			}
		}()
	}
	for range 3 {
		select {
		case err := <-read:
			if err == nil {
				t.Error("half a form is taken for a whole one")
			}
		case <-time.After(testPatience):
			t.Fatal("the page still waits")
		}
	}
}

// versions are clients of the door by each version of HTTP.
func (w *world) versions() map[string]http.RoundTripper {
	config := func() *tls.Config { return &tls.Config{InsecureSkipVerify: true, ServerName: "open.test"} }
	one, two := &http.Transport{TLSClientConfig: config()}, &http.Transport{TLSClientConfig: config(), ForceAttemptHTTP2: true}
	w.t.Cleanup(one.CloseIdleConnections)
	w.t.Cleanup(two.CloseIdleConnections)
	return map[string]http.RoundTripper{"HTTP/1.1": one, "HTTP/2": two, "HTTP/3": w.http3()}
}
