package http1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// relay is a server that passes on what it is asked to an application, and its answers back.
type relay struct {
	*world
	app   string // HOST:PORT
	asks  *Transport
	lives chan *Life
	moved atomic.Int64 // bytes of bodies that Pass passed on
	takes atomic.Int64 // by an application, of what the kernel passes on
	taken atomic.Int64 // bytes of requests' bodies
	signs atomic.Int64 // of life, while bodies were passed on
	ended chan error   // how each request ended
}

func newRelay(t *testing.T, app string, change ...func(*Server)) *relay {
	r := &relay{app: strings.TrimPrefix(app, "http://"), asks: newTransport(t), lives: make(chan *Life, 1000), ended: make(chan error, 1000)}
	r.world = newWorld(t, nil, append(change, func(s *Server) {
		s.Handler = func(q *Request, c Client) {
			r.lives <- &q.Life
			r.ended <- r.serve(q, c)
		}
	})...)
	return r
}

func (r *relay) serve(q *Request, c Client) error {
	asked := &Question{Life: &q.Life, Method: q.Method, Path: q.Target, Host: "app", Fields: q.Fields, Length: q.Length, Expect: q.Expect}
	if q.Body != nil {
		asked.Body = &counted{q.Body, r}
	}
	a, err := r.asks.Ask(asked, r.app)
	if err != nil {
		return err
	}
	defer a.Close()
	c.Begin(Reply{Status: a.Status, Fields: a.Fields, Length: a.Length})
	if a.Body == nil {
		return c.Finish(nil)
	}
	n, err := c.(Passer).Pass(a.Body, func() { r.signs.Add(1) })
	r.moved.Add(n)
	if err != nil {
		return err
	}
	if _, err := io.Copy(struct{ io.Writer }{c}, a.Body); err != nil {
		return err
	}
	return c.Finish(nil)
}

// counted is a request's body that is to be told of each byte.
type counted struct {
	Body
	relay *relay
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Body.Read(p)
	c.relay.taken.Add(int64(n))
	return n, err
}

func (c *counted) Inner() Body { return c.Body }
func (c *counted) Held() int   { return c.Body.(Holding).Held() }
func (c *counted) Taken()      { c.relay.takes.Add(1) }

func (c *counted) Past(read func() (int64, error)) (int64, error) {
	n, err := read()
	c.relay.taken.Add(n)
	return n, err
}

// content is a body of some bytes, none of which is like its neighbours.
func content(size int) []byte {
	b := make([]byte, 0, size+8)
	for i := 0; len(b) < size; i++ {
		b = append(b, byte(i), byte(i>>8), byte(i>>16), byte(i>>5), byte(i>>13))
	}
	return b[:size]
}

// sizes are those of bodies around each size at which they are treated otherwise.
func sizes() (all []int) {
	for _, about := range []int{1, bufferSize, smallRoom, passLeast, passLeast + bufferSize, roomyRoom, largeRoom, pipeBytes, 2 * pipeBytes} {
		all = append(all, about-1, about, about+1, about+317)
	}
	return append(all, 100<<10, 3<<20)
}

// echoing is an application that sends back the body that it got, in one of some ways.
func echoing(t *testing.T, unix bool) (address string) {
	network, at := "tcp", "127.0.0.1:0"
	if unix {
		network, at = "unix", t.TempDir()+"/app"
	}
	listener, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		for len(body) > 0 {
			n := min(len(body), 1000+len(body)/3)
			_, _ = w.Write(body[:n])
			body = body[n:]
			if r.URL.Path == "/chunks" {
				_ = http.NewResponseController(w).Flush()
			}
		}
	})}
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(func() { _ = s.Close() })
	return listener.Addr().String()
}

func TestBodiesOfAllSizesComeWholeBothWays(t *testing.T) {
	for _, unix := range []bool{false, true} {
		r := newRelay(t, echoing(t, unix))
		if unix {
			r.asks.Dial = func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", r.app) }
		}
		c, sent := r.dial(), int64(0)
		_ = c.SetDeadline(time.Time{})
		for _, size := range sizes() {
			want := content(size)
			for _, path := range []string{"/known", "/chunks"} {
				for _, framed := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, want), "Transfer-Encoding: chunked\r\n\r\n" + inChunks(want)} {
					var writes sync.WaitGroup
					writes.Go(func() { _, _ = io.WriteString(c.Conn, "POST "+path+" HTTP/1.1\r\nHost: a\r\n"+framed) })
					_, got := c.answer("POST")
					writes.Wait()
					if sha256.Sum256([]byte(got)) != sha256.Sum256(want) {
						t.Fatalf("unix %v, %s, %d bytes: %d came, and not the same", unix, path, size, len(got))
					}
					sent += int64(size)
				}
			}
		}
		if r.taken.Load() != sent {
			t.Errorf("of %d bytes %d were counted", sent, r.taken.Load())
		}
		if moved := r.moved.Load(); runtime.GOOS == "linux" && moved < sent/4 {
			t.Errorf("of %d bytes the kernel passed on %d", sent, moved)
		}
		if runtime.GOOS == "linux" && r.takes.Load() == 0 {
			t.Error("an application that takes a body gives no sign of life")
		}
		if lent := r.server.buffers.pipes.lent; lent != 0 {
			t.Errorf("%d pipes were not given back", lent)
		}
	}
}

// inChunks is a body in chunks of growing lengths.
func inChunks(b []byte) string {
	var out strings.Builder
	for size := 7; len(b) > 0; size *= 3 {
		n := min(size, len(b))
		fmt.Fprintf(&out, "%x\r\n%s\r\n", n, b[:n])
		b = b[n:]
	}
	return out.String() + "0\r\n\r\n"
}

// endless is an application whose answer promises more than ever comes, and says how much it could send.
func endless(t *testing.T, length int64) (address string, sent *atomic.Int64) {
	sent = &atomic.Int64{}
	return cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length)
		for piece := content(64 << 10); ; {
			n, err := conn.Write(piece)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}), sent
}

// stalled waits until a count has stopped to grow.
func stalled(t *testing.T, count *atomic.Int64) int64 {
	last, since := int64(-1), time.Now()
	within(t, "it to stall", func() bool {
		if now := count.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 300*time.Millisecond
	})
	return last
}

func TestASlowReaderHoldsUpWhoeverSendsToIt(t *testing.T) {
	address, sent := endless(t, 1<<40)
	r := newRelay(t, address, func(s *Server) { s.WriteTimeout = 0 })
	c := r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	if most := stalled(t, sent); most > 64<<20 { // what sockets hold is the system's to decide
		t.Errorf("%d bytes went to a client that reads none", most)
	}
	_ = c.Close()
	<-r.ended
	if lent := r.server.buffers.pipes.lent; lent != 0 {
		t.Errorf("%d pipes were not given back", lent)
	}
}

func TestTheEndOfALifeEndsABodyThatIsPassedOn(t *testing.T) {
	address, _ := endless(t, 1<<40)
	r := newRelay(t, address, func(s *Server) { s.WriteTimeout = 0 })
	c := r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := io.CopyN(io.Discard, c.in, 10<<20); err != nil {
		t.Fatal(err)
	}
	(<-r.lives).End(errors.New("revoked"))
	_, _ = io.Copy(io.Discard, c.in) // which ends
	if err := <-r.ended; err == nil {
		t.Error("it ended well")
	}
	if lent := r.server.buffers.pipes.lent; lent != 0 {
		t.Errorf("%d pipes were not given back", lent)
	}
}

// joined are the two ends of a connection.
func joined(t *testing.T) (one, other net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if one, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		other, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = one.Close(), other.Close() })
	return one, other
}

func TestNothingIsPassedOnAfterTheEndOfALife(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	app, from := joined(t)
	to, client := joined(t)
	var life Life
	var lent pipes
	var times clock
	p := &passage{from: socketOf(from), to: socketOf(to), bounds: times.add(to, to, time.Second), life: &life, pipes: &lent}
	defer p.bounds.drop()
	if _, err := app.Write(content(1000)); err != nil {
		t.Fatal(err)
	}
	if n, err := p.take(2000); n != 1000 || err != nil {
		t.Fatal(n, err)
	}
	life.End(errors.New("revoked"))
	if err := p.give(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = to.Close()
	if got, err := io.Copy(io.Discard, client); got != 0 || err != nil {
		t.Errorf("%d bytes came, %v", got, err)
	}
	if lent.lent != 0 || len(lent.free) != 0 {
		t.Error("a pipe with something in it is kept")
	}
}

func TestALittleThatIsTakenIsASignOfLife(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	app, from := joined(t)
	to, _ := joined(t)
	var life Life
	var lent pipes
	var times clock
	signs := 0
	p := &passage{from: socketOf(from), to: socketOf(to), bounds: times.add(to, to, time.Second), life: &life, pipes: &lent, came: func() { signs++ }}
	defer p.bounds.drop()
	if _, err := app.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if n, err := p.take(2); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := p.give(); signs == 0 || err != nil {
		t.Errorf("%d signs of life: %v", signs, err)
	}
}

func TestEachPieceThatIsPassedOnIsASignOfLife(t *testing.T) {
	const pieces, size = 20, 2 * passLeast
	next := make(chan struct{})
	at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", pieces*size)
		for range pieces {
			_, _ = conn.Write(content(size))
			<-next
		}
	})
	r := newRelay(t, at)
	c := r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range pieces {
		if _, err := io.CopyN(io.Discard, res.Body, size); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
	if signs := r.signs.Load(); runtime.GOOS == "linux" && signs < pieces {
		t.Errorf("of %d pieces it gave %d signs", pieces, signs)
	}
}

func TestWhatAClientGotBeforeTheEndIsCounted(t *testing.T) {
	address, sent := endless(t, 1<<40)
	r := newRelay(t, address, func(s *Server) { s.WriteTimeout = 0 })
	c := r.dial()
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	stalled(t, sent)
	(<-r.lives).End(errors.New("revoked"))
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.Copy(io.Discard, res.Body)
	<-r.ended
	if moved := r.moved.Load(); runtime.GOOS == "linux" && moved != got {
		t.Errorf("%d bytes came, %d were counted", got, moved)
	}
}

func TestThatAClientTakesSomethingIsASignOfLife(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	app, from := joined(t)
	to, client := joined(t)
	if err := from.(*net.TCPConn).SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	var life Life
	var lent pipes
	var times clock
	var signs atomic.Int64
	p := &passage{
		from: socketOf(from), to: socketOf(to), bounds: times.add(to, to, time.Hour), most: time.Minute, life: &life, pipes: &lent,
		came: func() { signs.Add(1) },
	}
	defer p.bounds.drop()
	const size = 100 << 10
	go func() { _, _ = app.Write(content(size)) }()
	room := make([]byte, size)
	within(t, "all of it to be there", func() (there bool) {
		_ = p.from.raw.Read(func(fd uintptr) bool {
			n, _, _ := syscall.Recvfrom(int(fd), room, syscall.MSG_PEEK)
			there = n == size
			return true
		})
		return there
	})
	if n, err := p.take(size); n < passStep || err != nil {
		t.Fatal(n, err)
	}
	go func() { _, _ = io.Copy(io.Discard, client) }()
	if err := p.give(); err != nil {
		t.Fatal(err)
	}
	if n := signs.Load(); n < 1 || n > size/passStep {
		t.Errorf("%d signs of life", n)
	}
}

func TestATimeForWritingHoldsWhileABodyIsPassedOn(t *testing.T) {
	address, _ := endless(t, 1<<40)
	r := newRelay(t, address, func(s *Server) { s.WriteTimeout = 200 * time.Millisecond })
	r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") // and reads nothing
	select {
	case err := <-r.ended:
		if err == nil {
			t.Error("it ended well")
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

func TestABodyThatBreaksOffIsNotWhole(t *testing.T) {
	for _, size := range []int{passLeast / 2, 2 * passLeast, 1 << 20} {
		at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size+1, content(size))
			_ = conn.Close()
		})
		r := newRelay(t, at)
		c := r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err == nil || !bytes.Equal(got, content(size)[:len(got)]) {
			t.Errorf("%d bytes: %d came, %v", size, len(got), err)
		}
		if err := <-r.ended; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestAClientThatLeavesInTheMiddleOfWhatIsPassedOnEndsIt(t *testing.T) {
	down, _ := endless(t, 1<<40)
	up := cannedServer(t, func(_ int, _ net.Conn, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for what, r := range map[string]*relay{"GET / HTTP/1.1\r\nHost: a\r\n\r\n": newRelay(t, down),
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + string(content(1<<20)): newRelay(t, up)} {
		c := r.dial().send(what)
		if what[0] == 'G' {
			_, _ = io.CopyN(io.Discard, c.in, 1<<20)
		} else {
			within(t, "most of it to be passed on", func() bool { return r.taken.Load() > 1<<19 })
		}
		_ = c.Close()
		if err := <-r.ended; err == nil {
			t.Errorf("%.4s: it ended well", what)
		}
		if life := <-r.lives; !errors.Is(life.Cause(), ErrClientGone) {
			t.Errorf("%.4s: %v", what, life.Cause())
		}
	}
}

func TestAnApplicationThatLeavesInTheMiddleOfAnUploadEndsIt(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	r := newRelay(t, at)
	c := r.dial()
	go func() {
		_, _ = fmt.Fprintf(c.Conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n%s", content(9999999))
	}()
	if err := <-r.ended; err == nil {
		t.Error("it ended well")
	}
}

func TestAnAnswerToHalfAnUploadThatIsPassedOnIsGiven(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, r.Body)
	})
	c := newRelay(t, at).dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + string(content(2<<20)))
	if res, body := c.answer("POST"); res.StatusCode != http.StatusRequestEntityTooLarge || body != "no" {
		t.Error(res.Status, body)
	}
}

func TestWithoutPipesBodiesAreCopied(t *testing.T) {
	r := newRelay(t, echoing(t, false))
	r.server.buffers.pipes.lent = mostPipes
	want := string(content(1 << 20))
	c := r.dial()
	go func() {
		_, _ = fmt.Fprintf(c.Conn, "POST /known HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(want), want)
	}()
	if _, got := c.answer("POST"); got != want {
		t.Errorf("%d bytes", len(got))
	}
}

func TestAPipeIsNotLentAgainWithSomethingInIt(t *testing.T) {
	var all pipes
	first := all.get()
	if first == nil && runtime.GOOS != "linux" {
		return
	}
	all.put(first, false)
	if len(all.free) != 0 || all.lent != 0 {
		t.Errorf("%d are free, %d lent", len(all.free), all.lent)
	}
	second := all.get()
	all.put(second, true)
	if third := all.get(); third != second {
		t.Error("an empty one is not lent again")
	}
}
