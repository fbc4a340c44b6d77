package http3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
	"github.com/quic-go/quic-go/quicvarint"
)

// counting lets in no more than most at once, and counts.
type counting struct {
	most              int64
	inside, all, gone atomic.Int64
}

func (c *counting) enter(netip.AddrPort) (leave func(), ok bool) {
	if c.inside.Add(1) > c.most {
		c.inside.Add(-1)
		return nil, false
	}
	c.all.Add(1)
	return func() { c.inside.Add(-1); c.gone.Add(1) }, true
}

func TestEveryConnectionCountsAsOneOfItsClient(t *testing.T) {
	all, ofOne := &counting{most: 100}, &counting{most: 2}
	w := newWorld(t, Options{Enter: all.enter, EnterFrom: ofOne.enter})
	one, first := w.client()
	two, _ := w.client()
	if w.get(one) != 200 || w.get(two) != 200 {
		t.Error("two are not let in")
	}
	if got := w.refused(); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("a third is ended with %s", got)
	}
	w.must(first.CloseWithError(0, ""))
	w.until("one has left", func() bool { return ofOne.inside.Load() == 1 && all.inside.Load() == 1 })
	if again, _ := w.client(); w.get(again) != 200 {
		t.Error("another is not let in")
	}
}

// deaf is a socket that hears nothing.
type deaf struct {
	net.PacketConn
	closed chan struct{}
}

func (d deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.closed
	return 0, nil, net.ErrClosed
}

func (d deaf) Close() error {
	close(d.closed)
	return d.PacketConn.Close()
}

func TestHandshakesThatAreNeverFinishedAreFewAndForgotten(t *testing.T) {
	all := &counting{most: 1000}
	began := time.Now()
	w := newWorld(t, Options{Enter: all.enter, HeaderTimeout: 3 * time.Second})
	var clients sync.WaitGroup
	for range 4 * freely {
		clients.Go(func() {
			socket, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Error(err)
				return
			}
			transport := &quic.Transport{Conn: deaf{socket, make(chan struct{})}}
			defer func() { _ = transport.Conn.Close(); _ = transport.Close() }()
			conn, err := transport.Dial(w.ctx, w.at, toServer, &quic.Config{HandshakeIdleTimeout: 100 * time.Millisecond})
			if err == nil {
				_ = conn.CloseWithError(0, "")
				t.Error("somebody who hears nothing is connected")
			}
		})
	}
	clients.Wait()
	may := int64(freely + freely*(time.Since(began).Seconds()+1))
	if got := all.all.Load(); got == 0 || got > may {
		t.Errorf("%d clients were taken at their word, want at most %d", got, may)
	}
	w.until("all of them are forgotten", func() bool { return all.inside.Load() == 0 })
	if by, _ := w.client(); w.get(by) != 200 {
		t.Error("somebody who hears is not served")
	}
}

// noticing is a trace of a client that notices whether it had to prove where it is.
type noticing struct{ retries atomic.Int64 }

func (n *noticing) SupportsSchemas(string) bool      { return false }
func (n *noticing) AddProducer() qlogwriter.Recorder { return n }
func (n *noticing) Close() error                     { return nil }
func (n *noticing) RecordEvent(event qlogwriter.Event) {
	if packet, ok := event.(qlog.PacketReceived); ok && packet.Header.PacketType == qlog.PacketTypeRetry {
		n.retries.Add(1)
	}
}

func TestAClientThatWasThereBeforeNeedNotProveItToAnotherServer(t *testing.T) {
	key := [32]byte{1}
	first, second, stranger := newWorld(t, Options{TokenKey: key}), newWorld(t, Options{TokenKey: key}), newWorld(t, Options{})
	for _, w := range []*world{second, stranger} {
		w.server.newcomers.mu.Lock()                            // it serves already
		w.server.newcomers.most, w.server.newcomers.each = 0, 0 // everybody has to
		w.server.newcomers.mu.Unlock()
	}
	config := &quic.Config{TokenStore: quic.NewLRUTokenStore(8, 8)}
	for _, c := range []struct {
		to      *world
		retries int64
	}{{first, 0}, {second, 0}, {stranger, 1}} {
		var noticed noticing
		config.Tracer = func(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return &noticed }
		conn, err := quic.DialAddr(c.to.ctx, c.to.at.String(), toServer, config)
		c.to.must(err)
		if c.to.get((&http3.Transport{}).NewClientConn(conn)) != 200 {
			t.Error("not served")
		}
		c.to.must(conn.CloseWithError(0, ""))
		if got := noticed.retries.Load(); got != c.retries {
			t.Errorf("it had to prove where it is %d times, want %d", got, c.retries)
		}
	}
}

// forgivesNothing has the server's one client not be forgiven with time: how fast a test can ask is for its machine to decide.
func (w *world) forgivesNothing() {
	w.t.Helper()
	w.until("the client is known", func() bool { return w.server.Conns() == 1 })
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.server.current.peers.every(func(q *peer) {
		q.resets.mu.Lock()
		defer q.resets.mu.Unlock()
		q.resets.each = 0
	})
}

func TestAClientThatTakesItsRequestsBackIsCutOff(t *testing.T) {
	var calmed atomic.Pointer[string]
	var now atomic.Int64
	begun := make(chan struct{})
	w := newWorld(t, Options{
		Streams: 20, Calmed: func(_, why string) { calmed.Store(&why) },
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			now.Add(1)
			defer now.Add(-1)
			select {
			case begun <- struct{}{}:
				<-r.Context().Done()
			case <-r.Context().Done():
			}
		}),
	})
	conn := w.connect()
	w.forgivesNothing()
	request := frame(headers, asking())
	for conn.Context().Err() == nil {
		s, err := conn.OpenStreamSync(w.ctx)
		if err != nil {
			break
		}
		_, _ = s.Write(request)
		_ = s.Close()
		select {
		case <-begun:
		case <-conn.Context().Done():
		case <-w.ctx.Done():
			t.Fatal("a request is not begun")
		}
		s.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	}
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
	w.until("the operator is told", func() bool { return calmed.Load() != nil })
	w.until("nothing is under way", func() bool { return now.Load() == 0 })
}

func TestRequestsCountThatAreTakenBackBeforeTheyAreRead(t *testing.T) {
	w := newWorld(t, Options{HeaderTimeout: time.Minute})
	conn := w.connect()
	w.forgivesNothing()
	request := frame(headers, asking())
	for n := 0; conn.Context().Err() == nil; n++ {
		s, err := conn.OpenStreamSync(w.ctx)
		if err != nil {
			break
		}
		if n%20 == 19 { // one that is meant
			_, _ = s.Write(request)
			_ = s.Close()
			continue
		}
		_, _ = s.Write(request[:1])
		s.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		s.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	}
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
}

func TestAStreamThatIsLateIsNotTakenBack(t *testing.T) {
	w := newWorld(t, Options{Streams: 200})
	by, conn := w.client()
	for range 10 { // 199 wait for the first, again and again
		var all []*quic.Stream
		for range 200 {
			s, err := conn.OpenStreamSync(w.ctx)
			w.must(err)
			all = append(all, s)
		}
		slices.Reverse(all)
		for _, s := range all {
			_, err := s.Write(frame(headers, asking()))
			w.must(errors.Join(err, s.Close()))
		}
		for _, s := range all {
			w.answer(s)
		}
	}
	if w.get(by) != 200 {
		t.Error("the client was cut off")
	}
}

func TestAThousandRequestsAtOnceAreTakenByAFew(t *testing.T) {
	var now, most atomic.Int64
	open := make(chan struct{})
	w := newWorld(t, Options{Streams: 50, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		<-open
		now.Add(-1)
	})})
	by, _ := w.client()
	var all sync.WaitGroup
	var served atomic.Int64
	for range 1000 {
		all.Go(func() {
			if w.get(by) == 200 {
				served.Add(1)
			}
		})
	}
	w.until("as many are under way as may be", func() bool { return now.Load() == 50 })
	close(open)
	all.Wait()
	if served.Load() != 1000 || most.Load() > 50 {
		t.Errorf("%d were served, %d at once", served.Load(), most.Load())
	}
}

func TestWhoBeginsHeadersAndNoRequestIsCutOff(t *testing.T) {
	w := newWorld(t, Options{HeaderTimeout: 3 * time.Second})
	conn := w.connect()
	var sent atomic.Int64
	var all sync.WaitGroup
	half := frame(headers, make([]byte, 60<<10))[:59<<10]
	for range 200 {
		all.Go(func() {
			s, err := conn.OpenStreamSync(w.ctx)
			if err != nil {
				return
			}
			for rest := half; len(rest) > 0; {
				n, err := s.Write(rest[:min(1<<10, len(rest))])
				if sent.Add(int64(n)); err != nil {
					return
				}
				rest = rest[n:]
			}
		})
	}
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
	all.Wait()
	if by, _ := w.client(); w.get(by) != 200 {
		t.Error("nobody else is served")
	}
	t.Logf("%d KiB of headers were taken", sent.Load()>>10)
}

func TestEachHeadHasItsTimeWhateverElseIsUnderWay(t *testing.T) {
	var calmed atomic.Pointer[string]
	w := newWorld(t, Options{HeaderTimeout: 2 * time.Second, Calmed: func(_, why string) { calmed.Store(&why) }, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			for w.(http.Flusher).Flush(); r.Context().Err() == nil; {
				if _, err := w.Write([]byte("alive")); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				<-time.After(100 * time.Millisecond)
			}
		},
	)})
	_, conn := w.client()
	w.stream(conn, frame(headers, asking()))     // goes on
	w.stream(conn, frame(headers, asking())[:5]) // has half a head
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
	w.until("the operator is told", func() bool { return calmed.Load() != nil })
}

func TestAHeadHasItsTimeAlsoWhereItsAnswerIsNotWanted(t *testing.T) {
	w := newWorld(t, Options{HeaderTimeout: 3 * time.Second, IdleTimeout: time.Hour})
	conn := w.connect()
	half := w.stream(conn, frame(headers, asking())[:5])
	half.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled)) // QUIC resets by itself what it is not to send
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
}

func TestAClientWhoseHeadsComeIsNotCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{HeaderTimeout: 5 * time.Second, HeaderBytes: 4 << 10, IdleTimeout: time.Minute})
	by, conn := w.client()
	long := frame(headers, asking("x-long", strings.Repeat("x", 16<<10)))
	for until := time.Now().Add(11 * time.Second); time.Now().Before(until); {
		if w.get(by) != 200 {
			t.Fatal("the client was cut off")
		}
		refused := w.stream(conn)
		_, _ = refused.Write(long) // it may be told to stop
		w.answer(refused)
		back := w.stream(conn, long[:10])
		back.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		back.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		bad := w.stream(conn, frame(headers, section("bad", "head")))
		_ = bad.Close() // it may be told to stop
		if _, err := io.ReadAll(bad); err == nil {
			t.Fatal("a malformed head is answered")
		}
		<-time.After(50 * time.Millisecond) // a client takes back so many a second
	}
	if conn.Context().Err() != nil {
		t.Error("the client was cut off")
	}
}

func TestARequestThatIsReadBeforeTheTraceTellsOfItIsNotWaitedFor(t *testing.T) {
	h := (&Options{Streams: 10}).trace(t.Context(), false, quic.ConnectionID{}).(*heads)
	to := h.AddProducer()
	h.came(4)
	to.RecordEvent(qlog.PacketReceived{Frames: []qlog.Frame{{Frame: &qlog.StreamFrame{StreamID: 4}}}})
	if _, one := h.waiting[0]; !one || len(h.waiting) != 1 || len(h.early) != 0 {
		t.Errorf("waited for: %v, early: %v", h.waiting, h.early)
	}
}

func TestAStreamThatMayNotBeOpenedIsNotCountedTo(t *testing.T) {
	h := (&Options{Streams: 10}).trace(t.Context(), false, quic.ConnectionID{}).(*heads)
	to := h.AddProducer()
	for _, id := range []quic.StreamID{1 << 60, 1<<60 + firstUni} {
		to.RecordEvent(qlog.PacketReceived{Frames: []qlog.Frame{{Frame: &qlog.StreamFrame{StreamID: id}}}})
	}
	if len(h.waiting) > 0 {
		t.Errorf("%d are waited for", len(h.waiting))
	}
}

func TestAFloodOfStreamsThatNobodyNeedsIsEnded(t *testing.T) {
	w := newWorld(t, Options{})
	conn := w.connect()
	w.forgivesNothing()
	for conn.Context().Err() == nil {
		s, err := conn.OpenUniStreamSync(w.ctx)
		if err != nil {
			break
		}
		_, _ = s.Write([]byte{0x21}) // of a type that nobody knows (RFC 9114, section 6.2.3)
		_ = s.Close()
	}
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
}

func TestFieldSectionsThatAreTooLongAreRefusedWithoutTheirConnection(t *testing.T) {
	w := newWorld(t, Options{HeaderBytes: 16 << 10})
	by, conn := w.client()
	for name, fields := range map[string][]byte{
		"one long value":                        asking("x-long", strings.Repeat("x", 1<<20)),
		"many short fields":                     asking(slices.Repeat([]string{"x-a", "b"}, 2000)...),
		"what is short as it is sent, and long": append(asking(), bytes.Repeat([]byte{0xc0 | 29}, 8<<10)...), // accept: */*, in one byte
	} {
		s := w.stream(conn)
		_, _ = s.Write(frame(headers, fields)) // it may be told to stop
		if got := w.answer(s); !bytes.Contains(got, status431) {
			t.Errorf("%s: %x", name, got)
		}
	}
	if w.get(by) != 200 {
		t.Error("the connection is of no use any more")
	}
}

// Statuses as a field section has them (RFC 9204, section 4.5.4): a name of the static table, and three digits by Huffman.
var (
	status431 = []byte{0x5f, 0x09, 0x83, 0x69, 0x90, 0xff}
	status418 = []byte{0x5f, 0x09, 0x83, 0x68, 0x2f, 0x7f}
	status421 = []byte{0xff, 0x06} // one of the table
)

// answer is all that comes on a stream.
func (w *world) answer(s *quic.Stream) []byte {
	w.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(time.Minute))
	all, err := io.ReadAll(s)
	w.must(err)
	return all
}

func TestADynamicTableIsNotKept(t *testing.T) {
	w := newWorld(t, Options{})
	_, conn := w.client()
	s := w.stream(conn, frame(headers, append([]byte{2, 0}, 0x80))) // needs an entry, and names it
	_, err := io.ReadAll(s)
	if reset := new(quic.StreamError); !errors.As(err, &reset) || http3.ErrCode(reset.ErrorCode) != http3.ErrCodeQPACKDecompressionFailed {
		t.Errorf("it ended so: %v", err)
	}
}

func TestDatagramsOfNoStreamAreForNobody(t *testing.T) {
	w := newWorld(t, Options{})
	by, conn := w.client()
	for i := range 2000 {
		if err := conn.SendDatagram(quicvarint.Append(nil, uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	if w.get(by) != 200 {
		t.Error("the client is not served")
	}
	w.must(conn.SendDatagram(nil)) // that names no stream
	if got := w.ends(conn); got != http3.ErrCodeDatagramError {
		t.Errorf("the connection ended with %s", got)
	}
}

func TestARequestWhoseEndDoesNotComeIsHeardAllTheSame(t *testing.T) {
	w := newWorld(t, Options{HeaderTimeout: 2 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	})})
	_, conn := w.client()
	if got := w.answer(w.stream(conn, frame(headers, asking()))); !bytes.Contains(got, status418) {
		t.Errorf("answered with %x", got)
	}
}
