package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// BucketStatus is how a bucket or a log is held.
type BucketStatus struct {
	Name     string          `json:"name"`
	Log      bool            `json:"log"`     // a log: what is lost of it keeps nobody out, and lets nobody in
	Leader   string          `json:"leader"`  // node that leads; "": none just now, or one server alone
	Records  uint64          `json:"records"` // keys, heartbeats and removal markers included
	Bytes    uint64          `json:"bytes"`
	Wanted   int             `json:"wanted"`  // how many nodes are to hold it
	Unknown  bool            `json:"unknown"` // its leader does not answer: the rest is not what is
	Replicas []ReplicaStatus `json:"replicas"`
}

// ReplicaStatus is one node's copy of a bucket.
type ReplicaStatus struct {
	Name    string `json:"name"`
	Leader  bool   `json:"leader"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline"`
	Lag     uint64 `json:"lag"` // operations behind the leader

	id string // as the servers call the node; "": the leader's
}

// Status tells how each bucket and log is held, in the order of opening. ErrUnavailable when the leaders do not answer;
// what did is told all the same.
func (b *Broker) Status(ctx context.Context) ([]BucketStatus, error) {
	holding := b.holding()
	all := make([]BucketStatus, len(holding))
	wrong := make([]error, len(holding))
	var asked sync.WaitGroup
	for i, h := range holding {
		asked.Go(func() { all[i], wrong[i] = b.status(ctx, h) })
	}
	asked.Wait()
	return all, errors.Join(wrong...)
}

func (b *Broker) status(ctx context.Context, h held) (BucketStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status := BucketStatus{Name: h.name, Log: h.log, Wanted: b.options.replicas(), Replicas: []ReplicaStatus{}}
	info, err := h.stream.Info(ctx)
	if err != nil {
		status.Unknown = true
		return status, fmt.Errorf("asking how %s is held: %w: %w", h.name, ErrUnavailable, err)
	}
	status.Records, status.Bytes = info.State.Msgs, info.State.Bytes
	if info.Cluster == nil {
		return status, nil
	}
	status.Leader = info.Cluster.Leader
	if status.Leader != "" {
		status.Replicas = append(status.Replicas, ReplicaStatus{Name: status.Leader, Leader: true, Current: true})
	}
	connected := append(b.Connected(), b.options.Node)
	for _, r := range info.Cluster.Replicas {
		offline := r.Offline || !b.options.external() && !r.Current && !slices.Contains(connected, r.Name) // see gone
		status.Replicas = append(status.Replicas, ReplicaStatus{Name: b.nameOf(r.Name, r.Peer), Current: r.Current, Offline: offline, Lag: r.Lag, id: r.Peer})
	}
	return status, nil
}

// Settled waits until this node's copies are current, so that another may be stopped. What it holds no copy of is held by
// others: while one node becomes three, copies come when all are there, and none would be if each waited for its own. A
// node that stores nothing is settled at once.
func (b *Broker) Settled(ctx context.Context) error {
	if !b.options.stores() || !b.options.clustered() {
		return nil
	}
	defer b.waits("")
	for {
		status, err := b.Status(ctx)
		if err == nil {
			behind := b.behind(status)
			if behind == "" {
				return nil
			}
			b.waits(behind)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for this node's copies to be current: %w: %w", ErrUnavailable, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// behind tells what of these this node has no current copy of; "": it has all that it is to have.
func (b *Broker) behind(buckets []BucketStatus) string {
	var behind []string
	for _, bucket := range buckets {
		if bucket.Leader == "" {
			return "nobody leads " + bucket.Name + ": an election takes up to ten seconds"
		}
		for _, r := range bucket.Replicas {
			if r.Name == b.options.Node && !(r.Current && !r.Offline) {
				behind = append(behind, fmt.Sprintf("%s (%d behind)", bucket.Name, r.Lag))
			}
		}
	}
	if len(behind) == 0 {
		return ""
	}
	return "its copies are not current: " + strings.Join(behind, ", ")
}
