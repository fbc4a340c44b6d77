package proxy

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// far is the client's end of a stream.
type far struct {
	io.Reader
	io.Writer
	end func() // of what the client sends
}

// extended asks for a protocol by an extended CONNECT, over HTTP/2 or HTTP/3. fields are added to the request.
type extended func(w *world, host, path, protocol string, fields ...string) (status string, answer http.Header, stream far)

// extendedBy are the versions of HTTP that have it.
var extendedBy = map[string]extended{"HTTP/2": (*world).extended2, "HTTP/3": (*world).extended3}

func (w *world) extended2(host, path, protocol string, fields ...string) (string, http.Header, far) {
	w.t.Helper()
	conn := w.tls(host, "h2")
	_, err := io.WriteString(conn, http2.ClientPreface)
	w.must(err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.must(framer.WriteSettings())
	first, err := framer.ReadFrame()
	w.must(err)
	if on, ok := first.(*http2.SettingsFrame).Value(http2.SettingEnableConnectProtocol); !ok || on != 1 {
		w.t.Fatal("the server does not offer extended CONNECT")
	}
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	all := append([]string{":method", "CONNECT", ":protocol", protocol, ":scheme", "https", ":authority", host, ":path", path}, fields...)
	for i := 0; i < len(all); i += 2 {
		w.must(encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}))
	}
	w.must(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true}))
	for {
		f, err := framer.ReadFrame()
		w.must(err)
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			answer := http.Header{}
			for _, field := range f.RegularFields() {
				answer.Add(field.Name, field.Value)
			}
			data := &frameStream{framer: framer, over: f.StreamEnded()}
			return f.PseudoValue("status"), answer, far{data, data, func() { w.must(framer.WriteData(1, true, nil)) }}
		case *http2.RSTStreamFrame:
			return f.ErrCode.String(), nil, far{}
		}
	}
}

// frameStream is stream 1 of a connection that has no other.
type frameStream struct {
	framer *http2.Framer
	held   []byte
	over   bool
}

func (s *frameStream) Read(p []byte) (int, error) {
	for len(s.held) == 0 {
		if s.over {
			return 0, io.EOF
		}
		f, err := s.framer.ReadFrame()
		if err != nil {
			return 0, err
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			s.held, s.over = append(s.held, f.Data()...), f.StreamEnded()
		case *http2.RSTStreamFrame:
			return 0, errors.New("reset: " + f.ErrCode.String())
		}
	}
	n := copy(p, s.held)
	s.held = s.held[n:]
	return n, nil
}

func (s *frameStream) Write(p []byte) (int, error) { return len(p), s.framer.WriteData(1, false, p) }

func (w *world) extended3(host, path, protocol string, fields ...string) (string, http.Header, far) {
	w.t.Helper()
	stream := w.stream3(host)
	r := &http.Request{
		Method: http.MethodConnect, Proto: protocol, Host: host, Header: http.Header{}, URL: &url.URL{Scheme: "https", Host: host, Path: path},
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w.must(stream.SendRequestHeader(r))
	res, err := stream.ReadResponse()
	w.must(err)
	status, _, _ := strings.Cut(res.Status, " ")
	return status, res.Header, far{stream, stream, func() { w.must(stream.Close()) }}
}

// stream3 opens a stream of HTTP/3 on a connection of its own.
func (w *world) stream3(host string) *http3.RequestStream {
	w.t.Helper()
	stream, _ := w.stream3With(host, true)
	return stream
}

// stream3With is the same for a client that takes datagrams, or does not; conn is the connection.
func (w *world) stream3With(host string, datagrams bool) (*http3.RequestStream, *quic.Conn) {
	w.t.Helper()
	conn, err := quic.DialAddr(w.ctx, w.address, &tls.Config{ServerName: host, InsecureSkipVerify: true, NextProtos: []string{"h3"}}, &quic.Config{EnableDatagrams: datagrams})
	w.must(err)
	w.t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	made := (&http3.Transport{EnableDatagrams: datagrams}).NewClientConn(conn)
	select {
	case <-made.ReceivedSettings():
	case <-w.ctx.Done():
		w.t.Fatal("the server says nothing of itself")
	}
	if s := made.Settings(); !s.EnableExtendedConnect || !s.EnableDatagrams {
		w.t.Fatalf("the server offers %+v", s)
	}
	stream, err := made.OpenRequestStream(w.ctx)
	w.must(err)
	return stream, conn
}

func TestAWebSocketIsAStream(t *testing.T) {
	for name, ask := range extendedBy {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(echo), overHTTP3(t))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			status, answer, stream := ask(w, "wiki.test", "/x", "websocket", "sec-websocket-version", "13", "origin", "https://wiki.test", "cookie", cookie)
			if status != "200" || answer.Get("Sec-Websocket-Accept") != "" || answer.Get("Upgrade") != "" || answer.Get("Connection") != "" {
				t.Fatalf("%s %v", status, answer)
			}
			var head [2]byte // of what the application says first
			_, err := io.ReadFull(stream, head[:])
			w.must(err)
			first := make([]byte, head[1])
			if _, err := io.ReadFull(stream, first); err != nil || !strings.HasPrefix(string(first), "/x") {
				t.Errorf("the application was asked for %q, %v", first, err)
			}
			_, err = stream.Write([]byte("\x81\x83\x00\x00\x00\x00abc"))
			w.must(err)
			w.hears(stream, "\x81\x03abc")
			w.must(w.authn.Revoke(w.ctx, w.session()))
			rest, err := io.ReadAll(stream)
			if err != nil || len(rest) < 4 || string(rest[2:4]) != "\x03\xf0" {
				t.Errorf("a revocation says %q, %v, and not 1008", rest, err)
			}
			w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
		})
	}
}

// hears wants exactly that.
func (w *world) hears(from io.Reader, want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
		w.t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

func TestAWebSocketOverAStreamIsForThoseWhoMay(t *testing.T) {
	const version = "sec-websocket-version"
	for name, ask := range extendedBy {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(echo), overHTTP3(t))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			for what, c := range map[string]struct {
				host, protocol string
				fields         []string
				want           []string
			}{
				"nobody":              {"wiki.test", "websocket", []string{version, "13"}, []string{"401"}},
				"another origin":      {"wiki.test", "websocket", []string{version, "13", "cookie", cookie, "origin", "https://evil.test"}, []string{"403"}},
				"another version":     {"wiki.test", "websocket", []string{version, "8", "cookie", cookie}, []string{"400"}},
				"no version":          {"wiki.test", "websocket", []string{"cookie", cookie}, []string{"400"}},
				"a route without":     {"open.test", "websocket", []string{version, "13"}, []string{"403"}},
				"another protocol":    {"wiki.test", "webtransport", []string{"cookie", cookie}, []string{"405"}},
				"an upgrade, as well": {"wiki.test", "websocket", []string{version, "13", "cookie", cookie, "upgrade", "websocket"}, []string{"400", "PROTOCOL_ERROR", "reset"}},
			} {
				if name == "HTTP/3" && what == "an upgrade, as well" {
					continue // the client of the test does not send it
				}
				if status, _, _ := ask(w, c.host, "/", c.protocol, c.fields...); !slices.Contains(c.want, status) {
					t.Errorf("%s: %s, want %v", what, status, c.want)
				}
			}
		})
	}
}

func TestAClientThatEndsItsStreamEndsTheWebSocket(t *testing.T) {
	for name, ask := range extendedBy {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { echo(w, r); close(ended) }), overHTTP3(t))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			_, _, stream := ask(w, "wiki.test", "/", "websocket", "sec-websocket-version", "13", "cookie", cookie)
			stream.end()
			select {
			case <-ended:
			case <-w.ctx.Done():
				t.Error("the application is not told")
			}
		})
	}
}

func TestAnAnswerThatIsNoWebSocketIsPassedOnOverAStream(t *testing.T) {
	for name, ask := range extendedBy {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusTeapot)
				_ = json.NewEncoder(w).Encode(r.Header.Get("Sec-WebSocket-Key") != "")
			}), overHTTP3(t))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			status, _, stream := ask(w, "wiki.test", "/", "websocket", "sec-websocket-version", "13", "cookie", cookie)
			if body, err := io.ReadAll(stream); status != "418" || string(body) != "true\n" || err != nil {
				t.Errorf("%s %q %v", status, body, err)
			}
		})
	}
}

func TestTCPIsCarriedByAStreamOfHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), carrying(t, echoes))
	stream := w.stream3("bastion.test")
	w.must(stream.SendRequestHeader(&http.Request{
		Method: http.MethodConnect, Host: bastion, URL: &url.URL{Host: bastion}, Header: http.Header{"Proxy-Authorization": {"Bearer " + w.alicesBearer()}},
	}))
	res, err := stream.ReadResponse()
	w.must(err)
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	w.says(stream, stream, "hello")
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := io.ReadAll(stream); err == nil {
		t.Error("the client takes the cut for an end")
	}
}

// shell is an application that switches to a protocol of its own, and gives back what comes.
func shell(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("Upgrade")
	if token == "" {
		_, _ = io.WriteString(w, "nothing to switch to")
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nContent-Length: 3\r\nUpgrade: "+token+"\r\n\r\n")
	_, _ = io.Copy(conn, rw)
}

func TestARequestSwitchesToWhatItsRouteSays(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(shell), func(c *config.Config) { c.Routes[0].Upgrade = []string{"spdy/3.1"} })
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	for what, c := range map[string]struct {
		lines  string
		status int
	}{
		"what the route says":  {"Upgrade: SPDY/3.1\r\n", 101},
		"from another origin":  {"Upgrade: SPDY/3.1\r\nOrigin: https://evil.test\r\n", 403},
		"with a body":          {"Upgrade: SPDY/3.1\r\nContent-Length: 1\r\n", 400},
		"something else":       {"Upgrade: spdy/3\r\n", 200},
		"HTTP/2 in the clear":  {"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", 200},
		"a choice":             {"Upgrade: SPDY/3.1, foo\r\n", 200},
		"a WebSocket, as well": {"Upgrade: SPDY/3.1, websocket\r\n", 400},
	} {
		conn := w.dial()
		_, err := io.WriteString(conn, "POST /exec HTTP/1.1\r\nHost: wiki.test\r\nCookie: "+cookie+"\r\nConnection: Upgrade\r\n"+c.lines+"\r\n")
		w.must(err)
		res := w.read(conn)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", what, res.Status, c.status)
		}
		if c.status != 101 {
			continue
		}
		if length := res.Header.Get("Content-Length"); length != "" { // RFC 9110, section 8.6
			t.Errorf("%s: what follows is to be %s bytes of a body", what, length)
		}
		w.says(conn, conn, "ls")
		w.must(w.authn.Revoke(w.ctx, w.session()))
		if _, err := io.ReadAll(conn); err == nil {
			t.Error("the client takes the cut for an end")
		}
		cookie = w.signIn("alice", origin("wiki.test"), "wiki")
	}
}

func TestAProtocolThatTheRouteNoLongerNamesIsCut(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(shell), func(c *config.Config) { c.Routes[0].Upgrade = []string{"spdy/3.1"} })
	cookie, conn := w.signIn("alice", origin("wiki.test"), "wiki"), w.dial()
	_, err := io.WriteString(conn, "POST /exec HTTP/1.1\r\nHost: wiki.test\r\nCookie: "+cookie+"\r\nConnection: Upgrade\r\nUpgrade: spdy/3.1\r\n\r\n")
	w.must(err)
	if res := w.read(conn); res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	w.use(func(c *config.Config) { c.Routes[0].Upgrade = []string{"SPDY/3.1", "other"} })
	w.says(conn, conn, "still here")
	w.use(func(c *config.Config) { c.Routes[0].Upgrade = []string{"other"} })
	w.must(conn.SetReadDeadline(time.Now().Add(time.Minute)))
	var late net.Error
	if _, err := io.ReadAll(conn); errors.As(err, &late) && late.Timeout() {
		t.Error("it goes on")
	}
}

// alternative is what the site says, over HTTP/1.1, of where else it is.
func (w *world) alternative(host string) string {
	w.t.Helper()
	conn := w.tls(host)
	defer conn.Close()
	w.must(second(io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")))
	res := w.read(conn)
	_, _ = io.Copy(io.Discard, res.Body)
	return res.Header.Get("Alt-Svc")
}

func TestTheSiteTellsOfHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	if got := w.alternative("open.test"); got != `h3=":443"; ma=86400` {
		t.Errorf("over HTTP/1.1: %q", got)
	}
	res, err := w.over(w.http3(), "GET", "open.test", "/", nil, nil)
	w.must(err)
	if got := res.Header.Get("Alt-Svc"); got != "" {
		t.Errorf("over HTTP/3: %q", got)
	}
}

// TestTheSiteTellsThatHTTP3IsGone to those who may remember (RFC 7838, section 3), and to nobody where it never was: another in front of
// the door may speak it.
func TestTheSiteTellsThatHTTP3IsGone(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), func(c *config.Config) { c.Listeners[0].HTTP3 = false })
	for i, step := range []struct {
		http3 bool
		want  string
	}{{false, ""}, {true, `h3=":443"; ma=86400`}, {false, "clear"}, {false, "clear"}, {true, `h3=":443"; ma=86400`}} {
		w.use(func(c *config.Config) { c.Listeners[0].HTTP3 = step.http3 })
		if got := w.alternative("open.test"); got != step.want {
			t.Errorf("%d: %q, want %q", i, got, step.want)
		}
	}
	gone := &front{mute: time.Now()}
	for later, want := range map[time.Duration]string{altSvcAge - time.Second: "clear", altSvcAge: ""} {
		if got := gone.altSvc(&ask{r: &http1.Request{}, origin: origin("open.test"), began: gone.mute.Add(later)}); got != want {
			t.Errorf("after %v: %q", later, got)
		}
	}
}

func TestAResponseThatNobodyReadsIsCut(t *testing.T) {
	var written atomic.Int64
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for chunk, err := make([]byte, 64<<10), error(nil); err == nil; {
			var n int
			n, err = w.Write(chunk)
			written.Add(int64(n))
		}
	}), overHTTP3(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: "wiki.test", InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(w.ctx, "GET", "https://"+w.address+"/", nil)
	w.must(err)
	r.Host, r.Header = "wiki.test", http.Header{"Cookie": {cookie}}
	two, err := transport.RoundTrip(r)
	w.must(err)
	defer two.Body.Close()
	three, err := w.over(w.http3(), "GET", "wiki.test", "/", nil, http.Header{"Cookie": {cookie}})
	w.must(err)
	defer three.Body.Close()
	if two.ProtoMajor != 2 || three.ProtoMajor != 3 {
		t.Fatalf("%s, %s", two.Proto, three.Proto)
	}
	w.until("the application waits for the clients to read", stands(&written))
	w.must(w.authn.Revoke(w.ctx, w.session()))
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}
