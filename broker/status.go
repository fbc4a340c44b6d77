package broker

import (
	"context"
	"fmt"
	"time"
)

// BucketStatus is how a bucket is held.
type BucketStatus struct {
	Name     string          `json:"name"`
	Leader   string          `json:"leader"`  // node that leads; "": none just now, or one server alone
	Records  uint64          `json:"records"` // keys, heartbeats and removal markers included
	Bytes    uint64          `json:"bytes"`
	Replicas []ReplicaStatus `json:"replicas"`
}

// ReplicaStatus is one node's copy of a bucket.
type ReplicaStatus struct {
	Name    string `json:"name"`
	Leader  bool   `json:"leader"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline"`
	Lag     uint64 `json:"lag"` // operations behind the leader
}

// Status tells how each bucket is held, in the order of opening. ErrUnavailable when the leaders do not answer.
func (b *Broker) Status(ctx context.Context) ([]BucketStatus, error) {
	b.mu.Lock()
	buckets := b.buckets
	b.mu.Unlock()
	all := make([]BucketStatus, 0, len(buckets))
	for _, bucket := range buckets {
		status, err := bucket.status(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, status)
	}
	return all, nil
}

func (b *bucket) status(ctx context.Context) (BucketStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := b.stream.Info(ctx)
	if err != nil {
		return BucketStatus{}, fmt.Errorf("asking how %s is held: %w: %w", b.spec.Name, ErrUnavailable, err)
	}
	status := BucketStatus{Name: b.spec.Name, Records: info.State.Msgs, Bytes: info.State.Bytes}
	if info.Cluster == nil {
		return status, nil
	}
	status.Leader = info.Cluster.Leader
	if status.Leader != "" {
		status.Replicas = append(status.Replicas, ReplicaStatus{Name: status.Leader, Leader: true, Current: true})
	}
	for _, r := range info.Cluster.Replicas {
		status.Replicas = append(status.Replicas, ReplicaStatus{Name: r.Name, Current: r.Current, Offline: r.Offline, Lag: r.Lag})
	}
	return status, nil
}

// Settled waits until this node's copy of every bucket is current, so that another may be stopped. A node that stores
// nothing is settled at once.
func (b *Broker) Settled(ctx context.Context) error {
	if !b.options.stores() || !b.options.clustered() {
		return nil
	}
	for {
		status, err := b.Status(ctx)
		if err == nil && b.current(status) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for this node's copies to be current: %w: %w", ErrUnavailable, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *Broker) current(buckets []BucketStatus) bool {
	for _, bucket := range buckets {
		mine := false
		for _, r := range bucket.Replicas {
			mine = mine || r.Name == b.options.Node && r.Current && !r.Offline
		}
		if !mine {
			return false
		}
	}
	return true
}
