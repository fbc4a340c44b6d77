package http1

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAnswersAreWholeWhateverComesMeanwhile has requests come in pieces, before, while and after others are answered: what is read
// ahead and what is being written are never in one buffer, and no request waits for the next to be noticed.
func TestAnswersAreWholeWhateverComesMeanwhile(t *testing.T) {
	handler := adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("slow") {
			time.Sleep(2*watchAfter + 5*time.Millisecond) // somebody reads ahead by then
		}
		body, _ := io.ReadAll(r.Body)
		half := len(r.URL.Path) / 2
		_, _ = io.WriteString(w, r.URL.Path[:half])
		_, _ = io.WriteString(w, r.URL.Path[half:]+string(body))
	}))
	plain := newWorld(t, nil, func(s *Server) { s.Handler = handler })
	secure := secureServer(t, &Server{Handler: handler, HeaderTimeout: soon, IdleTimeout: soon})
	var all sync.WaitGroup
	for seed := range uint64(24) {
		c := plain.dial()
		if seed%3 == 2 {
			c = over(plain, dialSecurely(t, secure, func(c net.Conn) net.Conn { return c }))
		}
		random := rand.New(rand.NewPCG(seed, 1))
		var wants []string
		var sent strings.Builder
		for i := range 40 {
			path := fmt.Sprintf("/%d/%s", i, strings.Repeat(string(rune('a'+i%26)), random.IntN(3*bufferSize)/(1+random.IntN(30))))
			query, body := "", ""
			if random.IntN(20) == 0 {
				query = "?slow"
			}
			if random.IntN(4) == 0 {
				body = strings.Repeat("b", random.IntN(2*bufferSize))
			}
			fmt.Fprintf(&sent, "POST %s%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", path, query, len(body), body)
			wants = append(wants, path+body)
		}
		all.Go(func() { sendInPieces(c, sent.String(), rand.New(rand.NewPCG(seed, 2))) })
		all.Go(func() {
			for i, want := range wants {
				res, err := http.ReadResponse(c.in, nil)
				if err != nil {
					t.Errorf("%d, request %d: %v", seed, i, err)
					return
				}
				if got, err := io.ReadAll(res.Body); string(got) != want || err != nil {
					t.Errorf("%d, request %d: %d bytes, %v; want %d", seed, i, len(got), err, len(want))
					return
				}
			}
		})
	}
	all.Wait()
}

// over is a client over a connection that somebody else opened.
func over(w *world, conn net.Conn) *client {
	c := w.dial()
	_ = c.Close()
	c.Conn = conn
	c.in.Reset(conn)
	_ = conn.(*tls.Conn).SetDeadline(time.Now().Add(soon))
	return c
}

// sendInPieces sends a text in pieces of all lengths, now and then after a moment.
func sendInPieces(c io.Writer, text string, random *rand.Rand) {
	for text != "" {
		n := min(len(text), 1+random.IntN(1+random.IntN(3*bufferSize)))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return // who reads is told
		}
		text = text[n:]
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
	}
}

// TestWhatIsAskedAndAnsweredAtOnceIsNotMixed has many requests without a body, and with one, go to an application through the same
// few buffers.
func TestWhatIsAskedAndAnsweredAtOnceIsNotMixed(t *testing.T) {
	app := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Path", r.URL.Path)
		_, _ = io.WriteString(w, r.URL.Path+string(body))
	})
	r := newRelay(t, app.address)
	r.lives, r.ended = make(chan *Life, 1<<14), make(chan error, 1<<14)
	var all sync.WaitGroup
	for seed := range uint64(16) {
		c, random := r.dial(), rand.New(rand.NewPCG(seed, 3))
		all.Go(func() {
			for i := range 100 {
				path := fmt.Sprintf("/%d/%d/%s", seed, i, strings.Repeat(string(rune('a'+seed)), random.IntN(bufferSize)))
				body := strings.Repeat("b", max(random.IntN(2*bufferSize)-bufferSize, 0))
				if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body); err != nil {
					t.Error(err)
					return
				}
				res, err := http.ReadResponse(c.in, nil)
				if err != nil {
					t.Errorf("%d, request %d: %v", seed, i, err)
					return
				}
				if got, err := io.ReadAll(res.Body); string(got) != path+body || res.Header.Get("X-Path") != path || err != nil {
					t.Errorf("%d, request %d: %d bytes, %v; want %d", seed, i, len(got), err, len(path+body))
					return
				}
			}
		})
	}
	all.Wait()
}
