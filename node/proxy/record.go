package proxy

import (
	"bytes"
	"cmp"
	"net/http"

	"github.com/rs/zerolog"

	"picket/node/authz"
)

// statusClientGone is logged when the client left before there was an answer (a convention of nginx).
const statusClientGone = 499

// recorder notes what is sent to the client.
type recorder struct {
	http.ResponseWriter
	id     string // of the request
	last   bool   // the connection ends with this response
	status int    // 0: nothing was sent
	bytes  int64  // of the body; of a tunnel, to the client
}

// WriteHeader notes the final status. What comes before it (1xx) sets no cookie, and takes no header of ours away.
func (r *recorder) WriteHeader(status int) {
	h := r.Header()
	switch {
	case status < 200:
		h.Del("Set-Cookie")
	case r.status == 0:
		r.status = status
		h["X-Request-Id"] = []string{r.id}
		if r.last {
			h["Connection"] = []string{"close"}
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach what is beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// record counts a request and writes its one line. It is deferred: also when a response breaks off.
func (d *Door) record(a *ask, w *recorder, r *http.Request) {
	status := cmp.Or(w.status, http.StatusOK)
	took := d.now().Sub(a.began)
	d.metrics.served(a.routeName(), status, took)
	lock := a.barredBy()
	if lock != nil {
		d.metrics.locked(lock)
	}
	if !a.rules.config.Telemetry.AccessLog {
		return
	}
	in := &a.in
	e := d.log.Info().
		Str("request_id", a.id).Str("method", r.Method).Str("host", a.host).
		Str("path", in.Request.Path).Int("status", status).
		Float64("duration_ms", float64(took.Microseconds())/1000).Int64("bytes", w.bytes).
		Str("route", a.routeName()).Str("decision", a.outcome())
	user, email, session := a.asker()
	optional(e, "user", user)
	optional(e, "email", email)
	optional(e, "session", session[:min(8, len(session))])
	optional(e, "rule", a.decision.Rule)
	optional(e, "policy", a.decision.Policy)
	optional(e, "upstream", a.upstream)
	if a.received > 0 {
		e.Int64("bytes_in", a.received)
	}
	if lock != nil {
		e.Str("lock", lock.ID).Str("lock_reason", lock.Reason)
	}
	if len(a.shadow) > 0 {
		e.Array("shadow", shadows(a.shadow))
	}
	if a.ended != nil {
		e.Str("ended", a.ended.Error())
	}
	e.Str("client", a.client.String()).Str("node", d.node).Msg("request")
}

// shadows are what policies that are not in force would have decided otherwise, as the log has them.
type shadows []authz.Shadow

// MarshalZerologArray writes them.
func (all shadows) MarshalZerologArray(to *zerolog.Array) {
	for _, s := range all {
		to.Dict(zerolog.Dict().Str("policy", s.Policy).Str("change", s.Change.String()).
			Str("decision", s.Decision.Outcome.String()).Str("rule", s.Decision.Rule))
	}
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

// debugLog is where net/http tells of its troubles with clients.
type debugLog struct{ log zerolog.Logger }

// Write takes one line.
func (l debugLog) Write(p []byte) (int, error) {
	l.log.Debug().Str("from", "net/http").Msg(string(bytes.TrimSpace(p)))
	return len(p), nil
}
