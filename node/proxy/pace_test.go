package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

// slowly is a body that comes a byte at a time, so many.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	<-time.After(200 * time.Millisecond)
	return copy(p, "a"), nil
}

func TestABodyMayComeAsSlowlyAsItLikesOnceItsAnswerHasBegun(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		_, _ = io.Copy(flushing{w, control}, r.Body)
	}), overHTTP3(t), func(c *config.Config) { c.Listeners[0].BodyRate = 100 })
	for name, by := range w.versions() {
		if name == "HTTP/1.1" { // whose client in package net/http does not read an answer while it sends
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bytes := 5 * int(w.door.bodyGrace/time.Second+3)
			r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, "https://"+w.address+"/", &slowly{bytes})
			w.must(err)
			r.Host, r.ContentLength = "open.test", -1
			res, err := by.RoundTrip(r)
			w.must(err)
			if got := text(t, res); res.StatusCode != http.StatusOK || got != strings.Repeat("a", bytes) {
				t.Errorf("%s, %d of %d bytes", res.Status, len(got), bytes)
			}
		})
	}
}

// flushing sends each piece at once.
type flushing struct {
	io.Writer
	control *http.ResponseController
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}
