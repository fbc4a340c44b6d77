package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"picket/node/authz"
)

// refusal is what a page of refusal shows: the Refusal, and whether asking again may help.
type refusal struct {
	authz.Refusal
	Again bool
}

// Word is the code as people write it.
func (f refusal) Word() string { return strings.ReplaceAll(f.Code, "_", " ") }

// refusalJSON is what a program is told.
type refusalJSON struct {
	Error      string `json:"error"` // Refusal.Code
	Title      string `json:"title"`
	Detail     string `json:"detail,omitempty"`
	Next       string `json:"next,omitempty"`
	Route      string `json:"route,omitempty"`
	User       string `json:"user,omitempty"`
	Rule       string `json:"rule,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
	LoginURL   string `json:"login_url,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
}

// Refuse answers r with f: a page for a person, JSON for a program, a status in the headers for gRPC.
func (c *Console) Refuse(w http.ResponseWriter, r *http.Request, f authz.Refusal) {
	w.Header().Add("Vary", "Accept")
	c.refuse(w, r, f, reader(r))
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, f authz.Refusal, to kind) {
	if f.RequestID == "" {
		f.RequestID = r.Header.Get("X-Request-Id")
	}
	h := w.Header()
	guard(h)
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(f.RetryAfter)))
	}
	if f.Status == http.StatusTooManyRequests {
		h.Set("RateLimit", f.RateLimit)
		h.Set("RateLimit-Policy", f.RateLimitPolicy)
	}
	if f.Status == http.StatusUnauthorized { // RFC 9110, section 15.5.2: a challenge must be there
		h.Set("WWW-Authenticate", cmp.Or(f.Challenge, `Bearer realm="picket"`))
	}
	switch to {
	case grpc:
		refuseGRPC(w, r, f)
	case grpcWeb:
		c.refuseGRPCWeb(w, r, f)
	case person:
		c.page(w, r, f.Status, "refusal", refusal{Refusal: f, Again: canRepeat(r, f)})
	default:
		c.json(w, r, f.Status, refusalJSON{
			Error: f.Code, Title: f.Title, Detail: f.Detail, Next: f.Next, Route: f.Route, User: f.User, Rule: f.Rule,
			RequestID: f.RequestID, LoginURL: f.LoginURL, RetryAfter: seconds(f.RetryAfter),
		})
	}
}

// canRepeat tells whether a page may offer to load the same address once more: what failed may pass, and the
// address holds nothing that serves only once.
func canRepeat(r *http.Request, f authz.Refusal) bool {
	passes := f.RetryAfter > 0 || f.Status >= http.StatusInternalServerError
	return passes && f.LoginURL == "" && r.Method == http.MethodGet && r.URL.Path != callbackPath
}

// seconds is d for a Retry-After field: whole seconds, and at least one of them when there is any time to wait.
func seconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

// json answers with v. Headers that the caller has set stay.
func (c *Console) json(w http.ResponseWriter, r *http.Request, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		c.log.Error().Err(err).Str("request_id", requestID(r)).Msg("encoding an answer")
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		c.log.Debug().Err(err).Str("request_id", requestID(r)).Msg("writing an answer")
	}
}

// page answers with a page. Headers that the caller has set stay.
func (c *Console) page(w http.ResponseWriter, r *http.Request, status int, name string, body any) {
	if err := c.pages.write(w, r, status, name, body); err != nil {
		c.log.Debug().Err(err).Str("request_id", requestID(r)).Msg("writing a page")
	}
}

// requestID is the name of r in the log, set by the door.
func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }
