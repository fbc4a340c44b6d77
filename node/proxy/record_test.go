package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/policy"
)

// answered is a door and a request that was answered, for its line.
func answered(log io.Writer, accessLog bool) (*Door, *ask) {
	d := &Door{log: zerolog.New(log), since: time.Since, node: "n1", metrics: newMetrics(prometheus.NewRegistry())}
	a := &ask{
		r: new(http1.Request), id: "0123456789abcdef0123456789abcdef", began: time.Now(), host: "wiki.example.com",
		rules: &Rules{config: &config.Config{Telemetry: config.Telemetry{AccessLog: accessLog}}}, route: &route{Route: &config.Route{Name: "wiki"}},
		decision: policy.Decision{Outcome: policy.Allow, Policy: "staff", Rule: "everyone"}, upstream: "10.0.0.1:8080", client: netip.MustParseAddr("10.1.2.3"),
	}
	a.r.Method, a.r.Major, a.r.Minor = "GET", 1, 1
	a.r.Peer = http1.Peer{Addr: a.client, Text: "10.1.2.3"}
	a.w.status, a.w.bytes = 200, 1024
	a.in.User.ID, a.in.User.Email, a.in.Session.ID = "0123456789abcdef", "alice@example.com", "0123456789abcdefghijkl"
	a.in.Request.Path = "/some/page"
	return d, a
}

func TestTheLineOfARequestSaysAllThatThereIs(t *testing.T) {
	var out bytes.Buffer
	d, a := answered(&out, true)
	d.since = func(time.Time) time.Duration { return 1234 * time.Microsecond }
	d.record(a)
	const want = `{"level":"info","request_id":"0123456789abcdef0123456789abcdef","protocol":"HTTP/1.1","method":"GET","host":"wiki.example.com",` +
		`"path":"/some/page","status":200,"duration_ms":1.234,"bytes":1024,"route":"wiki","decision":"allow","user":"0123456789abcdef",` +
		`"email":"alice@example.com","session":"01234567","rule":"everyone","policy":"staff","upstream":"10.0.0.1:8080",` +
		`"client":"10.1.2.3","node":"n1","message":"request"}` + "\n"
	if got := out.String(); got != want || !json.Valid(out.Bytes()) {
		t.Errorf("it says\n%swant\n%s", got, want)
	}
}

// BenchmarkAccessLine is what a request costs when it is over: with its line, and without.
func BenchmarkAccessLine(b *testing.B) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		b.Run(name, func(b *testing.B) {
			d, a := answered(io.Discard, on)
			b.ReportAllocs()
			for b.Loop() {
				d.record(a)
			}
		})
	}
}
