package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"picket/node/config"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestWhatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"no host":                        {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":                      {"GET / HTTP/1.1\r\nHost: open.test\r\nHost: wiki.test\r\n\r\n", 400},
		"a host that is none":            {"GET / HTTP/1.1\r\nHost: open.test,wiki.test\r\n\r\n", 400},
		"a host with a user":             {"GET / HTTP/1.1\r\nHost: x@open.test\r\n\r\n", 400},
		"an absolute address":            {"GET http://wiki.test/ HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"an address of a star":           {"OPTIONS * HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a tunnel":                       {"CONNECT open.test:443 HTTP/1.1\r\nHost: open.test\r\n\r\n", 405},
		"a trace":                        {"TRACE / HTTP/1.1\r\nHost: open.test\r\n\r\n", 405},
		"a method in small letters":      {"delete /a HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a method with one small letter": {"DELETe /a HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a line that ends in LF":         {"GET / HTTP/1.1\nHost: open.test\r\n\r\n", 400},
		"a field that goes on":           {"GET / HTTP/1.1\r\nHost: open.test\r\nX-A: 1\r\n b\r\n\r\n", 400},
		"one length twice":               {"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
		"a length and chunks":            {"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"chunks in HTTP/1.0":             {"POST / HTTP/1.0\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"a name with an underscore":      {"GET / HTTP/1.1\r\nHost: open.test\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n", 400},
		"another with an underscore":     {"GET / HTTP/1.1\r\nHost: open.test\r\nremote_user: root\r\n\r\n", 400},
		"a space before the colon":       {"GET / HTTP/1.1\r\nHost: open.test\r\nX-A : 1\r\n\r\n", 400},
		"a NUL in a value":               {"GET / HTTP/1.1\r\nHost: open.test\r\nX-A: a\x00b\r\n\r\n", 400},
		"a control byte in a value":      {"GET / HTTP/1.1\r\nHost: open.test\r\nX-A: a\x01b\r\n\r\n", 400},
		"two lengths":                    {"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"a list of lengths":              {"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 1, 2\r\n\r\nab", 400},
		"a length with a sign":           {"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: +1\r\n\r\na", 400},
		"a coding that is none":          {"POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
		"a coding twice":                 {"POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"a list of codings":              {"POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		"a path that climbs":             {"GET /a/../../b HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a path that climbs in disguise": {"GET /a/%2e%2E/b HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a path that climbs by a tomcat": {"GET /a/..;/b HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"an encoded slash":               {"GET /a%2Fb HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"an encoded backslash":           {"GET /a%5cb HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a backslash":                    {"GET /a\\b HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"an encoded NUL":                 {"GET /a%00 HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a lame escape":                  {"GET /a%zz HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"a fragment":                     {"GET /a#b HTTP/1.1\r\nHost: open.test\r\n\r\n", 400},
		"too many headers":               {"GET / HTTP/1.1\r\nHost: open.test\r\n" + strings.Repeat("X-A: 1\r\n", maxFields+1) + "\r\n", 431},
		"a WebSocket of another version": {"GET / HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", 400},
	} {
		res := w.raw(c.request)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", name, res.Status, c.status)
		}
		if !res.Close {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	w.until("there are access lines", func() bool { return len(w.log.access(t)) > 0 })
}

func TestABodyHasOneFramingUpstream(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	chunked := "5\r\nhello\r\n0\r\n\r\n"
	for name, c := range map[string]struct {
		headers, body string
		length        int64
	}{
		"with a length": {"Content-Length: 5\r\n", "hello", 5},
		"in chunks":     {"Transfer-Encoding: chunked\r\n", chunked, -1},
	} {
		conn := w.dial()
		next := "GET /next HTTP/1.1\r\nHost: open.test\r\n\r\n"
		_, err := io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: open.test\r\n"+c.headers+"\r\n"+c.body+next)
		w.must(err)
		res := w.read(conn)
		got := mirrored(t, res)
		if res.Close {
			t.Errorf("%s: the connection ends", name)
		}
		if got.Body != "hello" || got.Length != c.length || (c.length < 0) != (len(got.Coding) == 1) || c.length < 0 && got.Header.Get("Content-Length") != "" {
			t.Errorf("%s: upstream %+v", name, got)
		}
	}
}

func TestABodyThatIsWaitedForIsAskedForByWhoReadsIt(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	const request = "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	conn := w.dial()
	_, err := fmt.Fprintf(conn, request, "open.test")
	w.must(err)
	wire := bufio.NewReader(conn)
	goOn, err := http.ReadResponse(wire, nil)
	w.must(err)
	if goOn.StatusCode != http.StatusContinue {
		t.Fatal(goOn.Status)
	}
	_, err = io.WriteString(conn, "hello")
	w.must(err)
	res, err := http.ReadResponse(wire, nil)
	w.must(err)
	if got := mirrored(t, res); got.Body != "hello" {
		t.Errorf("upstream: %+v", got)
	}
	refused := w.dial()
	_, err = fmt.Fprintf(refused, request, "wiki.test")
	w.must(err)
	if res := w.read(refused); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody's body: %s", res.Status)
	}
}

func TestHTTP10ConnectionsEndWithTheirAnswer(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	conn := w.dial()
	_, err := io.WriteString(conn, "POST / HTTP/1.0\r\nHost: open.test\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"+
		"GET /smuggled HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	rest, _ := io.ReadAll(conn)
	if strings.Count(string(rest), "HTTP/1.") != 1 || strings.Contains(string(rest), "smuggled") {
		t.Errorf("got %q", rest)
	}
}

func TestNoForgedHeaderReachesAnApplication(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	forged := []string{
		"X-Forwarded-Email", "x-forwarded-email", "X.Forwarded.Email", "X-Forwarded.Email", "REMOTE-USER", "Remote.User", "X-Picket-Jwt-Assertion",
		"x.picket-jwt.assertion", "X-Picket-Anything", "Forwarded", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Port", "X-Request-ID",
	}
	for _, host := range []string{"open.test", "wiki.test"} {
		var request strings.Builder
		request.WriteString("GET / HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + cookie + "\r\n")
		for _, name := range forged {
			request.WriteString(name + ": forged\r\n")
		}
		request.WriteString("Connection: close, X-Forwarded-For, X-Forwarded-Email, Remote-User, X-Picket-Jwt-Assertion, X-Request-Id, X-Picket-Node, X-Dropped\r\n")
		request.WriteString("X-Dropped: 1\r\nX-Kept: 1\r\nProxy-Connection: x\r\nKeep-Alive: 1\r\nProxy: http://evil\r\n\r\n")
		got := mirrored(t, w.raw(request.String()))
		for name, values := range got.Header {
			if strings.Contains(strings.Join(values, ""), "forged") {
				t.Errorf("%s: %s: %q", host, name, values)
			}
		}
		for _, name := range []string{"X-Dropped", "Proxy-Connection", "Keep-Alive", "Proxy", "Cookie"} {
			if got.Header.Get(name) != "" {
				t.Errorf("%s: %s went through", host, name)
			}
		}
		for _, name := range []string{"X-Kept", "X-Forwarded-For", "X-Request-Id", "X-Picket-Node"} {
			if got.Header.Get(name) == "" {
				t.Errorf("%s: %s is missing", host, name)
			}
		}
		signedIn := host == "wiki.test"
		for _, name := range []string{"X-Forwarded-Email", "Remote-User", "X-Picket-Jwt-Assertion"} {
			if (got.Header.Get(name) != "") != signedIn {
				t.Errorf("%s: %s: %q", host, name, got.Header.Get(name))
			}
		}
	}
}

func TestTrailersGoThroughButForReservedOnes(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	got := mirrored(t, w.raw("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Picket-User, X.Forwarded-Email, no name\r\n\r\n"+
		"5\r\nhello\r\n0\r\nX-Sum: 7\r\nX-Picket-User: forged\r\nX.Forwarded-Email: forged\r\nX-Unannounced: 1\r\n\r\n"))
	if got.Body != "hello" || len(got.Trailer) != 1 || got.Trailer.Get("X-Sum") != "7" {
		t.Errorf("upstream: %+v", got)
	}
}

func TestTheSamePathIsMatchedAndSent(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		secret := c.Routes[0]
		secret.Name, secret.From, secret.Prefix, secret.WebSocket = "secret", origin("open.test"), "/secret", false
		c.Routes = append(c.Routes, secret)
	})
	for _, path := range []string{"/secret", "/secret/", "//secret", "/%73ecret", "/./secret/x", "/.//%73%65cret", "/x/../secret", "/secret;x/..;/y"} {
		if res := w.ask("GET " + path + " HTTP/1.1\nHost: open.test\n\n"); res.StatusCode == http.StatusOK {
			t.Errorf("%s is public: %s", path, text(t, res))
		}
	}
	for given, want := range map[string]string{
		"/secrets?/secret":    "/secrets?/secret",
		"/a%2b+%20;x=1/%c3a":  "/a%2B+%20;x=1/%C3a",
		"/a|b?c|d=\"<>'\\%zz": "/a%7Cb?c|d=\"<>'\\%zz",
		"/x?":                 "/x",
		"/%25%32%66":          "/%252f",
	} {
		if got := mirrored(t, w.ask("GET "+given+" HTTP/1.1\nHost: open.test\n\n")); got.Target != want {
			t.Errorf("%s was sent as %s", given, got.Target)
		}
	}
}

func TestAnUpgradeThatIsNoWebSocketIsNotPassedOn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	got := mirrored(t, w.ask("GET / HTTP/1.1\nHost: open.test\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n"))
	for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
}

func TestAListenerSaysHowManyHeaderLinesARequestMayHave(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) { c.Listeners[0].Headers = 300 })
	for lines, want := range map[int]int{250: 200, 310: 431} {
		if res := w.raw("GET /x HTTP/1.1\r\nHost: open.test\r\n" + strings.Repeat("X-A: 1\r\n", lines) + "\r\n"); res.StatusCode != want {
			t.Errorf("%d lines: %s", lines, res.Status)
		}
	}
}

func TestAListenerSaysSoForHTTP2Too(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) { c.Listeners[0].Headers = 10 })
	transport := &http.Transport{
		Protocols:   new(http.Protocols),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return w.dial(), nil },
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://open.test/x", nil)
	w.must(err)
	for i := range 20 {
		r.Header.Set(fmt.Sprintf("X-%d", i), "1")
	}
	res, err := transport.RoundTrip(r)
	w.must(err)
	w.must(res.Body.Close())
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", res.Status)
	}
}
