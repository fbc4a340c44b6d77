package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"picket/examples/pace"
)

func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestAHeadStaysOneWhateverIsReadAhead(t *testing.T) {
	slow := make(chan struct{})
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "HEAD" {
			<-slow
		}
		_, _ = io.WriteString(w, "body")
	}).dial()
	head := "HEAD / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
	head = strings.Replace(head, "X: ", "X: "+strings.Repeat("a", bufferSize-len(head)), 1) // it fills the buffer
	c.send(head)
	for until := time.Now().Add(5 * watchAfter); time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	c.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
	for until := time.Now().Add(5 * watchAfter); time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	close(slow)
	c.answer("HEAD")
	if res, body := c.answer("GET"); res.StatusCode != 200 || body != "body" {
		t.Errorf("%s %q", res.Status, body)
	}
}

// A body that another goroutine still reads when the handler is done must not be read on: the buffer goes to other connections.
func TestNobodyReadsABodyAfterItsRequest(t *testing.T) {
	for name, leave := range map[string]func(http.ResponseWriter){
		"a last response": func(w http.ResponseWriter) { w.Header().Set("Connection", "close") },
		"an abort":        func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		read := make(chan error, 1)
		w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
			begun := make(chan struct{})
			go func() {
				one := make([]byte, 1)
				_, _ = r.Body.Read(one)
				close(begun)
				for {
					if _, err := r.Body.Read(one); err != nil {
						read <- err
						return
					}
				}
			}()
			<-begun
			leave(w)
		})
		c := w.dial().send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		began, p := time.Now(), pace.Start(t)
		select {
		case err := <-read:
			if took := time.Since(began); took > p.Within(lingerTime/2) {
				t.Errorf("%s: it was read on for %s: %v", name, took, err)
			}
		case <-time.After(soon):
			t.Errorf("%s: it is still read", name)
		}
		_ = c.Close()
	}
}

func TestAClientThatLeavesInTheMiddleOfABodyEndsItsRequest(t *testing.T) {
	for _, head := range []string{"Content-Length: 5\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n5\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"} {
		ended := make(chan error, 1)
		w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			ended <- r.Context().Err()
		})
		c := w.dial().send("POST / HTTP/1.1\r\nHost: a\r\n" + head)
		_ = c.Close()
		if err := <-ended; err == nil {
			t.Errorf("%q: it goes on", head)
		}
	}
}

func TestAClientThatPipelinesAndLeavesEndsItsRequest(t *testing.T) {
	more := strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", bufferSize/10) // than there is room for
	ended := make(chan struct{}, 2)
	begun := make(chan struct{}, 2)
	w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
		panic(http.ErrAbortHandler) // what else came is asked by nobody
	})
	for _, pieces := range [][2]string{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + more, ""},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", more},
	} {
		c := w.dial().send(pieces[0])
		<-begun
		for until := time.Now().Add(5 * watchAfter); time.Now().Before(until); time.Sleep(time.Millisecond) {
		}
		c.send(pieces[1])
		_ = c.Close()
		select {
		case <-ended:
		case <-time.After(soon):
			t.Fatalf("%q: it was not told", pieces)
		}
	}
}

// The request that is under way is served for so long that the client is looked for, in vain.
func TestWhatIsPipelinedBeyondTheRoomForItIsServed(t *testing.T) {
	const many = bufferSize / 10
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-time.After(10 * watchAfter)
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	c := w.dial().send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", many))
	for i := range many + 1 {
		if _, body := c.answer("GET"); body != map[bool]string{true: "/slow", false: "/"}[i == 0] {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
}

func TestAnIdleConnectionHoldsNothingOfItsLastRequest(t *testing.T) {
	w := newWorld(t, echo)
	c := w.dial().send("POST / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 60<<10) + "\r\nContent-Length: 1\r\n\r\nx")
	c.answer("POST")
	within(t, "idle", func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		for conn := range w.server.conns {
			if conn.state.Load() == isIdle {
				if conn.out.buf != nil || conn.watch.served != nil {
					t.Fatal("it holds something of its last request")
				}
				return true
			}
		}
		return false
	})
}

func TestHalfAResponseThatEndsWithTheConnectionIsReset(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}).dial().send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if all, err := io.ReadAll(c); err == nil {
		t.Errorf("it looks whole: %q", all)
	}
}

func TestAShutdownDoesNotWaitForHalfAHead(t *testing.T) {
	w := newWorld(t, echo)
	first, second := w.dial().send("GET / HT"), w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	second.answer("GET")
	second.send("GET / HT")
	within(t, "both have begun", func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		begun := 0
		for c := range w.server.conns {
			if c.state.Load() != isIdle {
				begun++
			}
		}
		return begun == 2
	})
	began := time.Now()
	if err := w.server.Shutdown(t.Context()); err != nil || time.Since(began) > soon/2 {
		t.Errorf("it took %s: %v", time.Since(began), err)
	}
	if rest, err := io.ReadAll(first.in); len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) { // of which nothing may have been read
		t.Errorf("the connection goes on: %q, %v", rest, err)
	}
}

func TestABugAfterHijackingEndsTheConnection(t *testing.T) {
	for name, leaves := range map[string]bool{"in the handler": false, "in what it left": true} {
		kept := make(chan net.Conn, 1) // else it would end once it is forgotten
		c := newWorld(t, nil, func(s *Server) {
			s.Panicked = func(any, []byte) {}
			s.Handler = func(_ *Request, c Client) {
				conn, _, err := c.Hijack()
				if err != nil {
					t.Error(err)
				}
				kept <- conn
				if !leaves {
					panic("a bug")
				}
				c.(interface{ Leave(func()) }).Leave(func() { panic("a bug") })
			}
		}).dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		conn := <-kept
		if all, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %q, %v", name, all, err)
		}
		runtime.KeepAlive(conn)
	}
}

func TestWhatAHandlerLeavesIsPartOfItsExchange(t *testing.T) {
	for name, panics := range map[string]bool{"to its end": false, "to a bug": true} {
		var told atomic.Int64
		begun, over := make(chan struct{}), make(chan error, 1)
		w := newWorld(t, nil, func(s *Server) {
			s.Panicked = func(any, []byte) { told.Add(1) }
			s.Handler = func(r *Request, c Client) {
				conn, _, err := c.Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				r.Life.AfterFunc(func() { over <- r.Life.Cause() })
				c.(interface{ Leave(func()) }).Leave(func() {
					defer conn.Close()
					if r.Life.Err() != nil {
						t.Error("its life was over before")
					}
					close(begun)
					if panics {
						panic("a bug")
					}
					_, _ = io.Copy(conn, conn)
				})
			}
		})
		c := w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		<-begun
		if !panics {
			c.send("x")
			if got, err := c.in.ReadByte(); got != 'x' || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		_ = c.Close()
		if why := <-over; why != nil {
			t.Errorf("%s: it ended with %v", name, why)
		}
		within(t, "the bug is told", func() bool { return (told.Load() == 1) == panics })
	}
}
