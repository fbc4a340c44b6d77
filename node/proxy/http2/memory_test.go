//go:build !race

package http2

import (
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

// visitor asks for the same again and again, several times at once, as a browser does.
type visitor struct {
	t        testing.TB
	conn     net.Conn
	stream   uint32
	out, in  []byte
	held     int // bytes of in that are no whole frame
	requests [][]byte
}

// atOnce is how many requests it sends in one piece.
const atOnce = 4

// newVisitor connects to a server whose answers are of 1 KiB.
func newVisitor(t testing.TB) *visitor {
	t.Helper()
	body := make([]byte, 1<<10)
	fields := http1.Fields{http1.NewField("Content-Type", "text/plain"), http1.NewField("Server", "nginx"), http1.NewField("X-Request-Id", "0123456789abcdef")}
	s := NewServer(Options{Handler: func(_ *http1.Request, c http1.Client) {
		c.Begin(http1.Reply{Status: http.StatusOK, Fields: fields, Length: int64(len(body))})
		_, _ = c.Write(body)
		_ = c.Finish(nil)
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v := &visitor{t: t, stream: 1, in: make([]byte, 64<<10)}
	if v.conn, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.ServeConn(conn, nil) }()
	t.Cleanup(func() { _ = v.conn.Close(); <-served })
	p := &peer{}
	p.encoder = hpack.NewEncoder(&p.block)
	for range 2 { // the second is as all that follow
		p.block.Reset()
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "wiki.test"}, {":path", "/1k"}, {"cookie", "__Host-picket=0123456789abcdef0123456789abcdef"}} {
			_ = p.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes everything
		}
		v.requests = append(v.requests, append([]byte(nil), p.block.Bytes()...))
	}
	v.out = append(v.out, http2.ClientPreface...)
	v.out = appendFrame(v.out, http2.FrameSettings, 0, 0, 0)
	return v
}

// asks sends requests, and waits for their answers.
func (v *visitor) asks() {
	for range atOnce {
		block := v.requests[min(v.stream/2, 1)]
		v.out = appendBlock(v.out, v.stream, block, true)
		v.stream += 2
	}
	v.out = appendNumber(v.out, http2.FrameWindowUpdate, 0, atOnce<<10)
	if _, err := v.conn.Write(v.out); err != nil {
		v.t.Fatal(err)
	}
	v.out = v.out[:0]
	for answers := 0; answers < atOnce; answers += v.hears() {
	}
}

// hears reads what has come, and tells how many answers ended in it.
func (v *visitor) hears() (ended int) {
	n, err := v.conn.Read(v.in[v.held:])
	if err != nil {
		v.t.Fatal(err)
	}
	all := v.in[:v.held+n]
	for len(all) >= frameHead {
		length := int(all[0])<<16 | int(all[1])<<8 | int(all[2])
		if len(all) < frameHead+length {
			break
		}
		if http2.FrameType(all[3]) == http2.FrameData && all[4]&byte(http2.FlagDataEndStream) != 0 {
			ended++
		}
		all = all[frameHead+length:]
	}
	v.held = copy(v.in, all)
	return ended
}

func TestARequestLikeTheOneBeforeAllocatesNothing(t *testing.T) {
	v := newVisitor(t)
	if each := testing.AllocsPerRun(2000, v.asks) / atOnce; each > 0.25 { // pools are emptied now and then
		t.Errorf("a request takes %.2f allocations", each)
	}
}

func BenchmarkRequests(b *testing.B) {
	v := newVisitor(b)
	b.ReportAllocs()
	for n := 0; n < b.N; n += atOnce {
		v.asks()
	}
}
