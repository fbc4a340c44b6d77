package proxy

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/rs/zerolog"

	"picket/node/proxy/http1"
)

// statusClientGone is logged when the client left before there was an answer (a convention of nginx).
const statusClientGone = 499

// recorder notes what is sent to the client.
type recorder struct {
	http1.Client
	id     http1.Field // of the request
	last   bool        // the connection ends with this response
	altSvc string      // where else the site is; "": nowhere
	status int         // 0: nothing was sent
	bytes  int64       // of the body; of a tunnel, to the client
}

// Inform sets no cookie.
func (r *recorder) Inform(status int, fields http1.Fields) error {
	fields = slices.DeleteFunc(fields, func(f http1.Field) bool { return f.Known() == http1.SetCookie })
	return r.Client.Inform(status, fields)
}

// Begin notes the status.
func (r *recorder) Begin(reply http1.Reply) {
	if r.status == 0 {
		r.status = reply.Status
		reply.Last = reply.Last || r.last
		set(&reply.Fields, r.id)
		if r.altSvc != "" {
			reply.Fields.Set("Alt-Svc", r.altSvc)
		}
	}
	r.Client.Begin(reply)
}

// Write counts.
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.Client.Write(p)
	r.bytes += int64(n)
	return n, err
}

// record counts a request and writes its one line.
func (d *Door) record(a *ask) {
	status := cmp.Or(a.w.status, http.StatusOK)
	took := d.since(a.began)
	d.metrics.served(a.route, status, took)
	lock := a.barredBy()
	if lock != nil {
		d.metrics.locked(lock)
	}
	if a.distrust != nil {
		d.metrics.distrusted(a.distrust)
	}
	if a.rules.config.Telemetry.AccessLog {
		d.writeLine(a, status, took, lock)
	}
}

// protocolOf is what a request came in.
func protocolOf(r *http1.Request) string {
	switch {
	case r.Major == 3:
		return "HTTP/3"
	case r.Major == 2:
		return "HTTP/2"
	case r.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// outcome is one word for what became of a request.
func (a *ask) outcome() string {
	switch {
	case a.refused != "":
		return a.refused
	case a.route == nil:
		return "page"
	}
	return a.decision.Outcome.String()
}

// optional adds a field that says something.
func optional(e *zerolog.Event, key, value string) {
	if value != "" {
		e.Str(key, value)
	}
}
