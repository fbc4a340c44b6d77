package http3

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func TestNoRequestComesAsEarlyData(t *testing.T) {
	w := newWorld(t, Options{})
	config := toServer.Clone()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for range 3 {
		conn, err := quic.DialAddrEarly(w.ctx, w.at.String(), config, &quic.Config{})
		w.must(err)
		if w.get((&http3.Transport{}).NewClientConn(conn)) != 200 || conn.ConnectionState().Used0RTT {
			t.Error("a request came as early data, or not at all")
		}
		w.must(conn.CloseWithError(0, ""))
	}
}

func TestWhatIsNoQUICDisturbsNobody(t *testing.T) {
	w := newWorld(t, Options{})
	conn, err := net.Dial("udp", w.at.String())
	w.must(err)
	defer conn.Close()
	junk := make([]byte, 1400)
	for i := range 2000 {
		_, _ = rand.Read(junk)
		if i%2 == 0 {
			junk[0] |= 0xc0 // as if it were a long header, of a version that nobody speaks
		}
		_, err := conn.Write(junk[:1+i%len(junk)])
		w.must(err)
	}
	if by, _ := w.client(); w.get(by) != 200 {
		t.Error("a client is not served")
	}
}
