package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// resolver is where datagrams are carried in the tests: for staff, to something that gives back what comes.
func resolver(t *testing.T) func(*config.Config) {
	t.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for b := make([]byte, mostDatagram); ; {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = l.WriteTo(b[:n], from)
		}
	}()
	return func(c *config.Config) {
		c.Routes = append(c.Routes, config.Route{
			Name: "resolver", From: origin("bastion.test"), Prefix: "/", Connect: "bastion.test:53", UDP: true,
			To: []string{"udp://" + l.LocalAddr().String()}, Policies: []string{"staff"},
		})
	}
}

const resolverPath = "/.well-known/masque/udp/bastion.test/53/"

// capsule is a datagram as one.
func capsule(payload string) []byte {
	b := quicvarint.Append([]byte{datagramCapsule}, uint64(len(payload)+1))
	return append(append(b, udpContext), payload...)
}

// hearsCapsule reads one.
func hearsCapsule(t *testing.T, from io.Reader) string {
	t.Helper()
	_, r, err := http3.NewCapsuleParser(bufio.NewReader(from)).Next()
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil || len(all) == 0 {
		t.Fatalf("%q: %v", all, err)
	}
	return string(all[1:])
}

func TestDatagramsAreCarriedByCapsules(t *testing.T) {
	for name, ask := range extendedBy {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), resolver(t))
			bearer := w.program("alice", origin("bastion.test"), "resolver")
			status, answer, stream := ask(w, "bastion.test", resolverPath, connectUDP, "proxy-authorization", "Bearer "+bearer, "capsule-protocol", "?1")
			if status != "200" || answer.Get("Capsule-Protocol") != "?1" {
				t.Fatalf("%s %v", status, answer)
			}
			if name == "HTTP/2" { // over HTTP/3 the answer comes as a datagram
				_, err := stream.Write(append([]byte{0x2a, 0x03, 'a', 'b', 'c'}, capsule("one")...)) // behind a capsule of no known type
				w.must(err)
				if got := hearsCapsule(t, stream); got != "one" {
					t.Errorf("heard %q", got)
				}
			}
			w.must(w.authn.Revoke(w.ctx, w.session()))
			if _, err := io.ReadAll(stream); err == nil {
				t.Error("the client takes the cut for an end")
			}
			w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
		})
	}
}

func TestDatagramsAreCarriedOverHTTP1(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), resolver(t))
	bearer := w.program("alice", origin("bastion.test"), "resolver")
	conn := w.dial()
	_, err := io.WriteString(conn, "GET "+resolverPath+" HTTP/1.1\r\nHost: bastion.test\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n"+
		"Capsule-Protocol: ?1\r\nProxy-Authorization: Bearer "+bearer+"\r\n\r\n")
	w.must(err)
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, nil)
	w.must(err)
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	for _, payload := range []string{"one", "", strings.Repeat("x", 9000)} {
		_, err := conn.Write(capsule(payload))
		w.must(err)
		if got := hearsCapsule(t, from); got != payload {
			t.Errorf("said %d bytes, heard %d", len(payload), len(got))
		}
	}
	w.must(conn.(*net.TCPConn).CloseWrite())
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}

func TestDatagramsAreCarriedAsSuchOverHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), resolver(t))
	stream := w.stream3("bastion.test")
	w.must(stream.SendRequestHeader(&http.Request{
		Method: http.MethodConnect, Proto: connectUDP, Host: "bastion.test",
		URL:    &url.URL{Scheme: "https", Host: "bastion.test", Path: resolverPath},
		Header: http.Header{"Proxy-Authorization": {"Bearer " + w.program("alice", origin("bastion.test"), "resolver")}},
	}))
	res, err := stream.ReadResponse()
	w.must(err)
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	w.must(stream.SendDatagram([]byte("\x02of another context")))
	w.must(stream.SendDatagram([]byte("\x00hello")))
	if got, err := stream.ReceiveDatagram(w.ctx); string(got) != "\x00hello" {
		t.Errorf("heard %q, %v", got, err)
	}
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := io.ReadAll(stream); err == nil {
		t.Error("the client takes the cut for an end")
	}
}

func TestAClientOfHTTP3ThatTakesNoDatagramsIsSentCapsules(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), resolver(t))
	stream, _ := w.stream3With("bastion.test", false)
	w.must(stream.SendRequestHeader(&http.Request{
		Method: http.MethodConnect, Proto: connectUDP, Host: "bastion.test",
		URL:    &url.URL{Scheme: "https", Host: "bastion.test", Path: resolverPath},
		Header: http.Header{"Proxy-Authorization": {"Bearer " + w.program("alice", origin("bastion.test"), "resolver")}},
	}))
	res, err := stream.ReadResponse()
	w.must(err)
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	from := bufio.NewReader(stream)
	for _, payload := range []string{"one", "", strings.Repeat("x", 9000)} {
		_, err := stream.Write(capsule(payload))
		w.must(err)
		if got := hearsCapsule(t, from); got != payload {
			t.Errorf("said %d bytes, heard %d", len(payload), len(got))
		}
	}
}

func TestDatagramsLeadOnlyWhereARouteSaysSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), resolver(t), carrying(t, echoes))
	bearer := w.program("alice", origin("bastion.test"), "resolver")
	for path, want := range map[string]string{
		resolverPath: "200",
		"/.well-known/masque/udp/bastion.test/22/":  "404", // which is for TCP
		"/.well-known/masque/udp/wiki.test/53/":     "400",
		"/.well-known/masque/udp/bastion.test/053/": "400",
		"/.well-known/masque/udp/bastion.test/":     "400",
		"/elsewhere":                                "400",
	} {
		if status, _, _ := w.extended2("bastion.test", path, connectUDP, "proxy-authorization", "Bearer "+bearer); status != want {
			t.Errorf("%s: %s, want %s", path, status, want)
		}
	}
	if status, _, _ := w.extended2("bastion.test", resolverPath, connectUDP); status != "401" {
		t.Errorf("for nobody: %s", status)
	}
}

func FuzzCapsules(f *testing.F) {
	f.Add(append(capsule("one"), capsule("")...))
	f.Add([]byte{0x2a, 0x03, 'a', 'b', 'c', 0, 0})
	f.Add([]byte{0, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := &capsules{r: strings.NewReader(string(sent))}
		total := 0
		if err := c.receive(func(p []byte) { total += len(p) }); err == nil || total > len(sent) {
			t.Errorf("%d bytes of %d, %v", total, len(sent), err)
		}
	})
}

// handing is a client that gives its connection away.
type handing struct {
	http1.Client
	conn net.Conn
}

func (h handing) Hijack() (net.Conn, []byte, error) { return h.conn, nil, nil }

func TestAConnectionThatCannotBeToldOfDatagramsIsClosed(t *testing.T) {
	conn, _ := net.Pipe()
	if err := conn.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	a := &ask{r: &http1.Request{}, w: recorder{Client: handing{conn: conn}}}
	if _, err := openDatagrams(a); err == nil {
		t.Error("it was told")
	}
	if err := conn.SetDeadline(time.Time{}); err == nil {
		t.Error("the connection is open still")
	}
}

// failing is a socket that fails to hear, each time, with one error after the other, and at last with the same for ever.
type failing struct {
	net.Conn
	with []error
}

func (f *failing) Read([]byte) (int, error) {
	err := f.with[0]
	if len(f.with) > 1 {
		f.with = f.with[1:]
	}
	return 0, &net.OpError{Op: "read", Net: "udp", Err: err}
}

func TestASocketThatFailsForEverIsGivenUp(t *testing.T) {
	lasting := errors.New("no buffer space")
	socket := &failing{with: []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, lasting}}
	ended := make(chan error, 1)
	go func() { ended <- sendAll(&ask{}, socket, nil, nil) }()
	select {
	case err := <-ended:
		if !errors.Is(err, lasting) || len(socket.with) != 1 {
			t.Errorf("it ended so: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it is asked again and again")
	}
}
