package node

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"picket/broker"
	"picket/node/authn"
	"picket/node/certs"
)

// api is the admin API: JSON, for `picket status`, `picket sessions` and programs of the operator's.
type api struct{ node *Node }

func (a *api) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/status", a.status)
	mux.HandleFunc("GET /v1/sessions", a.sessions)
	mux.HandleFunc("DELETE /v1/sessions", a.revokeAll)
	mux.HandleFunc("GET /v1/sessions/{id}", a.session)
	mux.HandleFunc("DELETE /v1/sessions/{id}", a.revoke)
	mux.HandleFunc("DELETE /v1/users/{id}/sessions", a.revokeUser)
	mux.HandleFunc("GET /v1/sessions/{id}/input", a.sessionInput)
	mux.HandleFunc("GET /v1/decisions", a.decisions)
	mux.HandleFunc("POST /v1/reload", a.reload)
	a.mountData(mux)
	a.mountBackup(mux)
	a.mountLocks(mux)
	a.mountNodes(mux)
	a.mountCertificates(mux)
}

// providerStatus is how an identity provider was when it was last asked.
type providerStatus struct {
	Name      string    `json:"name"`
	Issuer    string    `json:"issuer"`
	Reachable bool      `json:"reachable"`
	Error     string    `json:"error"`
	Since     time.Time `json:"since,omitzero"`
	Circuit   string    `json:"circuit"`  // closed, half_open or open: whether refreshes ask it
	Failures  int       `json:"failures"` // in a row
}

// status is the answer to GET /v1/status.
type status struct {
	Node      string                `json:"node"`
	Cluster   string                `json:"cluster"`
	Version   string                `json:"version"`
	Since     time.Time             `json:"since"`
	Ready     bool                  `json:"ready"`
	Unready   unready               `json:"unready"` // why it is not ready
	Fresh     bool                  `json:"fresh"`
	Staleness int64                 `json:"staleness_ms"` // -1: never proved
	Digest    string                `json:"digest"`
	Config    configStatus          `json:"configuration"`
	Leader    string                `json:"leader"` // of the nodes that keep state; "": a node alone, an external NATS, or not known
	Nodes     []nodeStatus          `json:"nodes"`
	Buckets   []broker.BucketStatus `json:"buckets"`
	Feeds     []broker.FeedStatus   `json:"feeds"` // of the buckets that decide access: how fresh what this node knows of each is
	Providers []providerStatus      `json:"providers"`
	Certs     []certs.Status        `json:"certificates"` // that are ordered; those of files are not among them
	Upstreams []upstreamStatus      `json:"upstreams"`
	Errors    []string              `json:"errors"` // what could not be asked
}

func (a *api) status(w http.ResponseWriter, r *http.Request) {
	n := a.node
	s := status{
		Node: n.config().Cluster.Broker.Node, Cluster: n.config().Cluster.Name, Version: n.version, Since: n.since,
		Ready: n.ready(), Unready: n.unready(), Fresh: n.broker.Fresh(), Staleness: -1, Digest: n.config().Digest, Config: a.configStatus(),
		Nodes: []nodeStatus{}, Buckets: []broker.BucketStatus{}, Providers: []providerStatus{}, Errors: []string{},
		Feeds: n.broker.Freshness(), Certs: n.certs.Status(), Upstreams: n.upstreams(),
	}
	for _, p := range n.authn().Providers() {
		s.Providers = append(s.Providers, providerStatus(p))
	}
	if age := n.broker.Staleness(); age < 24*time.Hour {
		s.Staleness = age.Milliseconds()
	}
	if n.serving.Load() {
		a.shared(r, &s)
	}
	answer(w, http.StatusOK, s)
}

// shared adds what only the store knows; what it does not say is told as such, and the rest is shown all the same.
func (a *api) shared(r *http.Request, s *status) {
	var buckets []broker.BucketStatus
	var err error
	var asked sync.WaitGroup
	asked.Go(func() { buckets, err = a.node.broker.Status(r.Context()) })
	nodes, group, wrong := a.node.nodeList(r)
	asked.Wait()
	s.Nodes, s.Leader = orNone(nodes), group.Leader
	if err != nil {
		wrong = append(wrong, err)
	}
	s.Errors = texts(wrong)
	s.Buckets = append(s.Buckets, buckets...)
}

func (a *api) sessions(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	list, err := a.node.authn().Sessions(r.Context(), r.URL.Query().Get("user"))
	if err != nil {
		fail(w, err)
		return
	}
	if list == nil {
		list = []authn.SessionInfo{}
	}
	answer(w, http.StatusOK, map[string]any{"sessions": list})
}

func (a *api) session(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	info, err := a.node.authn().SessionByID(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, info)
}

// sessionInput is what policies see of a session, with nothing of a request.
func (a *api) sessionInput(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	in, err := a.node.authn().SessionInput(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, in)
}

func (a *api) revoke(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	if err := a.node.authn().Revoke(r.Context(), r.PathValue("id")); err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("session", short(r.PathValue("id"))).Msg("session revoked by the operator")
	answer(w, http.StatusOK, map[string]int{"revoked": 1})
}

func (a *api) revokeUser(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	count, err := a.node.authn().RevokeUser(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("user", r.PathValue("id")).Int("sessions", count).Msg("sessions of a user revoked by the operator")
	answer(w, http.StatusOK, map[string]int{"revoked": count})
}

// revokeAll ends every session. It wants ?all=true: a DELETE that lost its id must not do this.
func (a *api) revokeAll(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	if r.URL.Query().Get("all") != "true" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "give ?all=true to revoke every session"})
		return
	}
	count, err := a.node.authn().RevokeAll(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Int("sessions", count).Msg("all sessions revoked by the operator")
	answer(w, http.StatusOK, map[string]int{"revoked": count})
}

// up answers for a node that has no state yet.
func (a *api) up(w http.ResponseWriter) bool {
	if a.node.serving.Load() {
		return true
	}
	answer(w, http.StatusServiceUnavailable, map[string]string{"error": "this node is " + a.node.unready().String()})
	return false
}

// fail turns an error into an answer. Operators see what happened.
func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, broker.ErrNotFound), errors.Is(err, certs.ErrUnknownName):
		code = http.StatusNotFound
	case errors.Is(err, broker.ErrUnavailable):
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	case errors.As(err, new(broker.Refused)):
		code = http.StatusConflict
	}
	answer(w, code, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client went away
}

// short is as much of a session id as a log may hold.
func short(id string) string { return id[:min(len(id), 8)] }
