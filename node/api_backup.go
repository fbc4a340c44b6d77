package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"picket/broker"
)

// The admin API of what is at rest: backups, and records that were sealed with an older secret.
//
// What takes long answers as it goes: lines of JSON, {"progress": {"done": 3, "total": 9}} again and again, and at last
// {"result": …} or {"error": "…"}.

func (a *api) mountBackup(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/backup", a.backup)
	mux.HandleFunc("POST /v1/restore", a.restore)
	mux.HandleFunc("POST /v1/reseal", a.reseal)
}

// The trailers of a backup: how it ended is known only behind it.
const (
	trailerResult = "Picket-Result" // JSON: broker.BackupSummary
	trailerError  = "Picket-Error"
)

// backup streams the state of the cluster. A file that it did not come to an end with is refused by restore.
func (a *api) backup(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Trailer", trailerResult+", "+trailerError)
	done, err := a.node.broker.Backup(r.Context(), w, a.node.version)
	if err != nil {
		a.node.log.Warn().Err(err).Msg("backup broken off")
		w.Header().Set(trailerError, err.Error())
		return
	}
	text, err := json.Marshal(done)
	if err != nil {
		w.Header().Set(trailerError, err.Error())
		return
	}
	w.Header().Set(trailerResult, string(text))
	a.node.log.Info().Int("records", done.Records).Msg("backup taken by the operator")
}

// sessionBuckets are what ?sessions=false leaves out.
func sessionBuckets(name string) bool { return name == "sessions" || name == "tokens" }

// restore takes a backup. It is answered with a refusal, before anything is written, or with lines.
func (a *api) restore(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	options := broker.RestoreOptions{Force: r.URL.Query().Get("force") == "true"}
	if r.URL.Query().Get("sessions") == "false" {
		options.Skip = sessionBuckets
	}
	answer := newProgress(w)
	options.Progress = answer.tell
	done, err := a.node.broker.Restore(r.Context(), r.Body, options)
	a.toldRestored(done, err)
	if err != nil {
		answer.fail(err)
		return
	}
	answer.end(done)
}

// toldRestored logs what a restore did, be it whole or not: sessions that it brought back may have been revoked since.
func (a *api) toldRestored(done broker.RestoreSummary, err error) {
	if done.Records == 0 && err != nil {
		a.node.log.Warn().Err(err).Msg("nothing restored")
		return
	}
	sessions := 0
	for _, b := range done.Buckets {
		if b.Name == "sessions" {
			sessions = b.Restored
		}
	}
	event := a.node.log.Info()
	if sessions > 0 || err != nil {
		event = a.node.log.Warn()
	}
	event.Err(err).Int("records", done.Records).Int("sessions", sessions).Time("of", done.At).
		Msg("backup restored by the operator: sessions that a cluster which is gone had revoked since are good again")
}

// reseal makes all records anew with the first secret.
func (a *api) reseal(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	others, err := a.node.members.underAnotherSecret(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	answer := newProgress(w)
	done, err := a.node.broker.Reseal(r.Context(), func(n int) { answer.tell(n, 0) })
	if err != nil {
		a.node.log.Warn().Err(err).Int("resealed", done.Resealed).Msg("resealing broken off")
		answer.fail(err)
		return
	}
	a.node.log.Info().Int("records", done.Records).Int("resealed", done.Resealed).Int("unreadable", done.Unreadable).Msg("records resealed by the operator")
	answer.end(resealed{done, others})
}

// resealed is what POST /v1/reseal ends with.
type resealed struct {
	broker.ResealSummary
	Others []string `json:"others"` // nodes whose first secret is another: they go on writing with it
}

// underAnotherSecret are the nodes that were heard of lately and whose first secret is not this node's.
func (m *members) underAnotherSecret(ctx context.Context) ([]string, error) {
	others := []string{}
	all, err := m.list(ctx)
	for _, other := range all {
		if other.Secret != m.node.broker.Keys().ID() && time.Since(other.Seen) < 3*memberEvery {
			others = append(others, other.Name)
		}
	}
	return others, err
}

// progressEvery is how often a line tells how far something is.
const progressEvery = 200 * time.Millisecond

// progress answers in lines. Until the first, a failure is an ordinary one.
type progress struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	begun   bool      // guarded by mu
	lastOne time.Time // guarded by mu
}

func newProgress(w http.ResponseWriter) *progress { return &progress{w: w, lastOne: time.Now()} }

// tell says how far it is, now and then.
func (p *progress) tell(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.lastOne) < progressEvery {
		return
	}
	p.lastOne = time.Now()
	p.line("progress", map[string]int{"done": done, "total": total})
}

// end says that it is done.
func (p *progress) end(result any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line("result", result)
}

// fail says that it failed.
func (p *progress) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.begun:
		p.line("error", err.Error())
	case errors.Is(err, broker.ErrOccupied):
		answer(p.w, http.StatusConflict, map[string]string{"error": err.Error() + ": by force, what is missing is added, and nothing else changed"})
	case errors.Is(err, broker.ErrBackup):
		answer(p.w, http.StatusConflict, map[string]string{"error": err.Error()})
	default:
		fail(p.w, err)
	}
}

// line writes one line; p.mu is held.
func (p *progress) line(name string, value any) {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", "application/x-ndjson")
		p.w.Header().Set("Cache-Control", "no-store")
	}
	_ = json.NewEncoder(p.w).Encode(map[string]any{name: value}) // the client went away
	_ = http.NewResponseController(p.w).Flush()
}
