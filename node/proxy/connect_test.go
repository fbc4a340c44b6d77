package proxy

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"picket/examples/ports"
	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
)

func TestATunnelCarriesBothWaysAndEndsEachHalfByItself(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "hello")
		all, _ := io.ReadAll(conn) // until the client has ended
		heard <- string(all)
		_, _ = io.WriteString(conn, "good bye")
	}))
	conn, from := w.tunnel()
	w.must(second(io.WriteString(conn, "from the client")))
	w.must(conn.CloseWrite())
	all, err := io.ReadAll(from)
	if string(all) != "hellogood bye" || err != nil {
		t.Errorf("the client heard %q: %v", all, err)
	}
	if got := <-heard; got != "from the client" {
		t.Errorf("the upstream heard %q", got)
	}
	w.until("the tunnel is in the log", func() bool { return len(w.log.access(t)) > 0 })
	line := w.log.access(t)[0]
	if line["method"] != "CONNECT" || line["status"] != 200.0 || line["bytes"] != 13.0 || line["bytes_in"] != 15.0 ||
		line["route"] != "bastion" || line["email"] != "alice@example.com" || line["decision"] != "allow" {
		t.Errorf("the log says %v", line)
	}
}

func TestAnUpstreamThatEndsFirstStillHearsTheClient(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, func(conn *net.TCPConn) {
		_ = conn.CloseWrite()
		all, _ := io.ReadAll(conn)
		heard <- string(all)
	}))
	conn, from := w.tunnel()
	if all, err := io.ReadAll(from); len(all) > 0 || err != nil {
		t.Fatalf("the client heard %q: %v", all, err)
	}
	w.must(second(io.WriteString(conn, "after the upstream's end")))
	w.must(conn.CloseWrite())
	if got := <-heard; got != "after the upstream's end" {
		t.Errorf("the upstream heard %q", got)
	}
}

func TestWhatIsSentBeforeTheAnswerIsForTheUpstream(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes))
	token := w.alicesBearer()
	conn := w.dial()
	early := "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n"
	w.must(second(io.WriteString(conn, "CONNECT "+bastion+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n"+early)))
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, &http.Request{Method: http.MethodConnect})
	w.must(err)
	got := make([]byte, len(early))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != early || res.StatusCode != http.StatusOK {
		t.Errorf("%s, then %q: %v", res.Status, got, err)
	}
}

func TestWhatFollowsARefusedConnectIsNotReadAsARequest(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes))
	conn := w.dial()
	w.must(second(io.WriteString(conn, "CONNECT "+bastion+" HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: open.test\r\n\r\n")))
	all, _ := io.ReadAll(conn) // what was sent too much may reset the connection
	if got := strings.Count(string(all), "HTTP/1.1 "); got != 1 || !strings.HasPrefix(string(all), "HTTP/1.1 401 ") {
		t.Errorf("%d answers: %q", got, all)
	}
}

func TestATunnelIsForWhoMay(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes), func(c *config.Config) {
		c.Routes = append(c.Routes, config.Route{
			Name: "echo", From: origin("open.test"), Prefix: "/", Connect: "open.test:7", To: []string{"tcp://" + listening(t, echoes)}, Access: config.Public,
		})
	})
	alice, mallory := w.alicesBearer(), w.program("mallory", origin("bastion.test"), "bastion")
	elsewhere := w.program("alice", origin("wiki.test"), "wiki")
	cookie := w.signIn("alice", origin("bastion.test"), "bastion")
	_, value, _ := strings.Cut(cookie, "=")
	for name, c := range map[string]struct {
		to, line string
		status   int
	}{
		"who may":                         {bastion, "Authorization: bearer " + alice, 200},
		"by the field of proxies":         {bastion, "Proxy-Authorization: Bearer " + alice, 200},
		"anyone, where it is public":      {"open.test:7", "X-A: b", 200},
		"nobody":                          {bastion, "X-A: b", 401},
		"a browser":                       {bastion, "Cookie: " + cookie, 401},
		"a cookie's text as a bearer":     {bastion, "Authorization: Bearer " + value, 401},
		"the same with the prefix":        {bastion, "Authorization: Bearer picket." + value, 401},
		"a bearer of another host":        {bastion, "Authorization: Bearer " + elsewhere, 401},
		"a bearer as a cookie":            {bastion, "Cookie: __Host-picket=" + alice, 401},
		"two bearers":                     {bastion, "Authorization: Bearer " + alice + "\r\nProxy-Authorization: Bearer " + alice, 401},
		"who may not":                     {bastion, "Authorization: Bearer " + mallory, 403},
		"a bearer that was tampered with": {bastion, "Authorization: Bearer " + alice[:len(alice)-1] + "_", 401},
	} {
		conn, from, res := w.connect(c.to, c.line)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", name, res.Status, c.status)
		}
		if res.StatusCode == 200 {
			w.says(conn, from, "hello")
			continue
		}
		var f authz.Refusal
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil || res.Header.Get("Location") != "" {
			t.Errorf("%s: the answer is no refusal: %v", name, err)
		}
		if c.status == 401 && f.LoginURL != "https://bastion.test/.picket/sign_in" {
			t.Errorf("%s: sign in at %q", name, f.LoginURL)
		}
	}
}

func TestATunnelLeadsOnlyWhereARouteSaysSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes))
	auth := "\r\nHost: x\r\nAuthorization: Bearer " + w.alicesBearer() + "\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"a route":                     {"CONNECT bastion.test:22 HTTP/1.1" + auth, 200},
		"the same, written otherwise": {"CONNECT BASTION.test.:22 HTTP/1.1" + auth, 200},
		"HTTP/1.0":                    {"CONNECT bastion.test:22 HTTP/1.0" + auth, 200},
		"another port":                {"CONNECT bastion.test:23 HTTP/1.1" + auth, 404},
		"no port":                     {"CONNECT bastion.test HTTP/1.1" + auth, 400},
		"an empty port":               {"CONNECT bastion.test: HTTP/1.1" + auth, 400},
		"port nought":                 {"CONNECT bastion.test:0 HTTP/1.1" + auth, 400},
		"a port beyond all":           {"CONNECT bastion.test:65558 HTTP/1.1" + auth, 400},
		"a port with a nought":        {"CONNECT bastion.test:022 HTTP/1.1" + auth, 400},
		"a port with a sign":          {"CONNECT bastion.test:+22 HTTP/1.1" + auth, 400},
		"two ports":                   {"CONNECT bastion.test:22:22 HTTP/1.1" + auth, 400},
		"a user":                      {"CONNECT alice@bastion.test:22 HTTP/1.1" + auth, 400},
		"a path":                      {"CONNECT bastion.test:22/ HTTP/1.1" + auth, 400},
		"a path alone":                {"CONNECT /bastion.test:22 HTTP/1.1" + auth, 400},
		"a URL":                       {"CONNECT https://bastion.test:22 HTTP/1.1" + auth, 400},
		"a query":                     {"CONNECT bastion.test:22?x HTTP/1.1" + auth, 400},
		"an IPv6 address":             {"CONNECT [::1]:22 HTTP/1.1" + auth, 404},
		"an IPv6 address, bare":       {"CONNECT ::1:22 HTTP/1.1" + auth, 400},
		"an IPv6 address with a zone": {"CONNECT [::1%25lo]:22 HTTP/1.1" + auth, 400},
		"a host of ours for HTTP":     {"CONNECT wiki.test:443 HTTP/1.1" + auth, 405},
		"a host of nobody":            {"CONNECT elsewhere.test:22 HTTP/1.1" + auth, 404},
		"the upstream itself":         {"CONNECT 127.0.0.1:22 HTTP/1.1" + auth, 404},
		"a length":                    {"CONNECT bastion.test:22 HTTP/1.1\r\nContent-Length: 3" + auth + "abc", 400},
		"a coding":                    {"CONNECT bastion.test:22 HTTP/1.1\r\nTransfer-Encoding: chunked" + auth + "0\r\n\r\n", 400},
		"both":                        {"CONNECT bastion.test:22 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3" + auth + "0\r\n\r\n", 400},
		"a name with an underscore":   {"CONNECT bastion.test:22 HTTP/1.1\r\nX_A: b" + auth, 400},
		"the host by another method":  {"GET / HTTP/1.1\r\nHost: bastion.test\r\n\r\n", 404},
		"the host's pages":            {"GET /.picket/user HTTP/1.1\r\nHost: bastion.test\r\n\r\n", 200},
	} {
		conn := w.dial()
		w.must(second(io.WriteString(conn, c.request)))
		res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		if err != nil || res.StatusCode != c.status {
			t.Errorf("%s: %v %v, want %d", name, res, err, c.status)
		}
	}
}

func TestARevocationResetsBothEndsOfATunnel(t *testing.T) {
	upstream := make(chan error, 1)
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, func(conn *net.TCPConn) {
		_, err := io.Copy(conn, conn)
		upstream <- err
	}))
	conn, from := w.tunnel()
	w.says(conn, from, "hello")
	revoked := time.Now()
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := from.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
	if err := <-upstream; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the upstream sees %v", err)
	}
	t.Logf("cut after %s", time.Since(revoked))
	w.until("the cut is in the log", func() bool { return len(w.log.access(t)) > 0 })
	if line := w.log.access(t)[0]; line["ended"] != "the session is over" || line["status"] != 200.0 {
		t.Errorf("the log says %v", line)
	}
}

func TestATunnelIsCutThoughNobodyReads(t *testing.T) {
	stuck := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, func(*net.TCPConn) { <-stuck }))
	defer close(stuck)
	conn, _ := w.tunnel()
	var written atomic.Int64
	ended := make(chan error, 1)
	go func() {
		for chunk, err := make([]byte, 64<<10), error(nil); ; {
			var n int
			if n, err = conn.Write(chunk); err != nil {
				ended <- err
				return
			}
			written.Add(int64(n))
		}
	}()
	w.until("the client waits for the upstream to read", stands(&written))
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the client sees %v", err)
	}
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}

func TestAnUpstreamThatIsNotThereIsABadGateway(t *testing.T) {
	gone := ports.One(t)
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes), func(c *config.Config) {
		to := &c.Routes[len(c.Routes)-1].To
		*to = append([]string{"tcp://" + gone}, *to...)
		c.Routes = append(c.Routes, config.Route{
			Name: "gone", From: origin("gone.test"), Prefix: "/", Connect: "gone.test:1", To: []string{"tcp://" + gone}, Access: config.Public,
		})
	})
	if _, _, res := w.connect("gone.test:1"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("%s", res.Status)
	}
	for range 2 { // the next upstream takes over
		conn, from := w.tunnel()
		w.says(conn, from, "hello")
	}
}

func TestATunnelDoesNotLeadToTheAdminAddress(t *testing.T) {
	address := listening(t, echoes)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for admin, status := range map[string]int{
		address: http.StatusBadGateway, "localhost:" + port: http.StatusBadGateway, "[::ffff:127.0.0.1]:" + port: http.StatusBadGateway,
		"127.0.0.2:" + port: http.StatusOK, "127.0.0.1:1": http.StatusOK, "unix:/run/admin": http.StatusOK,
	} {
		t.Run(admin, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
				c.Admin.Address = admin
				c.Routes = append(c.Routes, config.Route{
					Name: "echo", From: origin("open.test"), Prefix: "/", Connect: "open.test:7", To: []string{"tcp://" + address}, Access: config.Public,
				})
			})
			if _, _, res := w.connect("open.test:7", "X-A: b"); res.StatusCode != status {
				t.Errorf("while that is %s: %s, want %d", admin, res.Status, status)
			}
		})
	}
}

func TestAnIdleTunnelEnds(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes), func(c *config.Config) {
		c.Routes[len(c.Routes)-1].IdleTimeout = 10 * time.Second
	})
	conn, from := w.tunnel()
	w.says(conn, from, "hello")
	if _, err := from.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
	w.until("it is in the log", func() bool { return len(w.log.access(t)) > 0 })
	if line := w.log.access(t)[0]; line["ended"] != errIdle.Error() {
		t.Errorf("the log says %v", line)
	}
}

// second is the error of what gives something else too.
func second[T any](_ T, err error) error { return err }
