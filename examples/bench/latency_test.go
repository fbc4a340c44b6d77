//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// asksEach is how often one connection asks in one round.
const asksEach = 1000

// added is what a proxy adds to what the application takes, in the rounds; seconds.
type added struct {
	name     string
	conn     *asker
	p50, p99 []float64
}

// latency measures one connection that asks one request after the other, and nobody else asks anything: through each
// proxy, less what it takes without one.
func (s *door) latency(t *testing.T, application nginx) {
	if !s.takes("latency", true) {
		return
	}
	direct := dialAsker(t, alone(nil, application.address))
	var all []*added
	for _, p := range s.peers(t, application, false) {
		all = append(all, &added{name: p.name, conn: dialAsker(t, p.plain)})
	}
	var alone50, alone99 []float64
	s.each("latency", func(int) (told string) {
		base := direct.ask(t, asksEach)
		alone50, alone99 = append(alone50, percentile(base, 50)), append(alone99, percentile(base, 99))
		for _, a := range all {
			took := a.conn.ask(t, asksEach)
			a.p50 = append(a.p50, percentile(took, 50)-last(alone50))
			a.p99 = append(a.p99, percentile(took, 99)-last(alone99))
			told += a.name + " " + duration(last(a.p50)) + "; "
		}
		return told
	})
	nginx := &added{}
	for _, a := range all {
		if a.name == peerNginx {
			nginx = a
		}
		s.add(row{what: "one connection, p50 added by " + a.name, measured: median(a.p50), unit: duration, baseline: median(nginx.p50), of: peerNginx},
			row{what: "one connection, p99 added by " + a.name, measured: median(a.p99), unit: duration, baseline: median(nginx.p99), of: peerNginx})
	}
	s.add(row{what: "one connection, p50 without a proxy", measured: median(alone50), unit: duration},
		row{what: "one connection, p99 without a proxy", measured: median(alone99), unit: duration})
}

// asker is a client with one connection.
type asker struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func dialAsker(t *testing.T, d doorway) *asker {
	t.Helper()
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &asker{conn: conn, in: bufio.NewReader(conn), request: d.request()}
}

// request is a GET of the small body.
func (d doorway) request() []byte {
	head := fmt.Sprintf("GET %s/ HTTP/1.1\r\nHost: %s\r\n", d.base, d.authority())
	if d.cookie != "" {
		head += "Cookie: " + d.cookie + "\r\n"
	}
	return []byte(head + "\r\n")
}

// ask asks so often, and tells what each time took in seconds.
func (a *asker) ask(t *testing.T, times int) (took []float64) {
	t.Helper()
	for range times {
		begun := time.Now()
		if _, err := a.conn.Write(a.request); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(a.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", a.conn.RemoteAddr(), response.Status, err)
		}
		took = append(took, time.Since(begun).Seconds())
	}
	return took
}
