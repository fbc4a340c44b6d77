package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"picket/broker"
	"picket/node/authz"
	"picket/node/config"
)

// decisions is the log of what was decided, on all nodes, for `picket policy replay`.
type decisions struct {
	config  config.DecisionLog
	records *authz.Records               // that are on their way to the log
	log     *broker.Log[json.RawMessage] // as authz.Record writes them; nil: none are kept
}

func newDecisions(c config.DecisionLog) *decisions {
	d := &decisions{config: c}
	d.records = authz.NewRecords(d.take, d.soon)
	return d
}

// sample is the part of decisions that is kept.
func sample(c config.DecisionLog) float64 {
	if !c.Kept() {
		return 0
	}
	return c.Sample
}

func (d *decisions) open(ctx context.Context, b *broker.Broker) (err error) {
	if d.config.Keep <= 0 {
		return nil
	}
	d.log, err = broker.OpenLog[json.RawMessage](ctx, b, broker.LogSpec{
		Name: "decisions", Keep: d.config.Keep, Limit: d.config.Limit, Collect: d.records.Flush,
	})
	if err != nil {
		return fmt.Errorf("decision_log of telemetry (has the store room for its limit?): %w", err)
	}
	return nil
}

// run writes what was taken until ctx ends.
func (d *decisions) run(ctx context.Context) error {
	if d.log == nil {
		return nil
	}
	return d.log.Run(ctx)
}

// take queues a record, or drops it when the store does not keep up; the log counts that. It never waits.
func (d *decisions) take(record [][]byte) { d.log.AppendParts(record) }

// soon has the records that wait collected with what is written next.
func (d *decisions) soon() { d.log.Soon() }

// decisions answers GET /v1/decisions: the records since a time, or of the last day, one a line.
func (a *api) decisions(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	if a.node.decided.log == nil || !a.node.config().Telemetry.DecisionLog.Kept() {
		fail(w, fmt.Errorf("decisions are not kept, by decision_log in telemetry: %w", broker.ErrNotFound))
		return
	}
	since := time.Now().Add(-24 * time.Hour)
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			malformed(w, "since is a time such as 2026-01-02T15:04:05Z")
			return
		}
	}
	a.sendDecisions(w, r, since)
}

// sendDecisions sends the records as they are read. What breaks off is cut off, so that nobody takes it for the whole.
func (a *api) sendDecisions(w http.ResponseWriter, r *http.Request, since time.Time) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	sent := false
	for one, err := range a.node.decided.log.Since(r.Context(), since) {
		if err != nil && !errors.Is(err, broker.ErrUnavailable) {
			a.node.log.Warn().Err(err).Msg("record of a decision left out")
			continue
		}
		if err != nil && !sent {
			fail(w, err)
			return
		}
		if err == nil {
			_, err = w.Write(append(one, '\n'))
			sent = true
		}
		if err != nil {
			a.node.log.Info().Err(err).Msg("decisions not sent to the end")
			panic(http.ErrAbortHandler)
		}
	}
}
