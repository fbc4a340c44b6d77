package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"picket/node/config"
)

func TestAnApplicationThatThinksIsNotIdle(t *testing.T) {
	const idleTime, thinks = 6 * time.Second, 10 * time.Second
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		<-time.After(thinks)
		_, _ = fmt.Fprint(w, n, err)
	}), overHTTP3(t), func(c *config.Config) { c.Routes[1].IdleTimeout = idleTime })
	var all sync.WaitGroup
	for version, by := range w.versions() {
		for size, chunked := range map[int]bool{0: false, 5: false, 6: true, 1 << 20: false, 1<<20 + 1: true} {
			r, err := http.NewRequestWithContext(w.ctx, "POST", "https://"+w.address+"/", strings.NewReader(strings.Repeat("x", size)))
			w.must(err)
			r.Host = "open.test"
			if chunked {
				r.ContentLength = -1
			}
			all.Go(func() {
				res, err := by.RoundTrip(r)
				if err != nil {
					t.Errorf("%s, %d bytes: %v", version, size, err)
					return
				}
				defer res.Body.Close()
				got, err := io.ReadAll(res.Body)
				if res.StatusCode != http.StatusOK || string(got) != fmt.Sprint(size, nil) || err != nil {
					t.Errorf("%s, %d bytes: %s, %s, %v", version, size, res.Status, got, err)
				}
			})
		}
	}
	all.Wait()
}

func TestWhatIsIdleBesideAnApplicationThatThinksIsCut(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), func(c *config.Config) {
		c.Routes[1].IdleTimeout, c.Routes[1].Timeout = 100*time.Millisecond, 2*testPatience
	})
	for name, request := range map[string]string{
		"a client that sends half a body":             "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 10\r\n\r\nhalf",
		"a client that sends half a body in chunks":   "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"an application that says no more":            "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an application that says no more, of a body": "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\n\r\nbody",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := w.dial()
			w.must(second(io.WriteString(conn, request)))
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(res.Body)
			if cut := res.StatusCode == http.StatusGatewayTimeout || res.StatusCode == http.StatusOK && err != nil; !cut {
				t.Errorf("%s, %v", res.Status, err)
			}
		})
	}
}
