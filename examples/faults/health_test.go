//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// unready tells why a node does not call itself ready; "": it does.
func (c *cluster) unready(n *node) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.admin(n, "/readyz"), nil)
	if err != nil {
		return err.Error()
	}
	response, err := c.ask.Do(request)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close() // not read
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

// status is the part of GET /v1/status that is looked at.
type status struct {
	Node      string `json:"node"`
	Staleness int64  `json:"staleness_ms"`
	Buckets   []struct {
		Name     string `json:"name"`
		Leader   string `json:"leader"`
		Replicas []struct {
			Name    string `json:"name"`
			Current bool   `json:"current"`
			Offline bool   `json:"offline"`
		} `json:"replicas"`
	} `json:"buckets"`
}

func (c *cluster) status(n *node) (s status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.admin(n, "/v1/status"), nil)
	if err != nil {
		return s, err
	}
	response, err := c.ask.Do(request)
	if err != nil {
		return s, err
	}
	defer func() { _ = response.Body.Close() }()
	return s, json.NewDecoder(response.Body).Decode(&s)
}

// unwell is what is not as it should be with a node; "": nothing. A node that proves its freshness every second has just
// done so, and no copy of anything is behind.
func (c *cluster) unwell(n *node) string {
	if problem := c.unready(n); problem != "" {
		return n.name + " is not ready: " + problem
	}
	s, err := c.status(n)
	if err != nil {
		return n.name + ": " + err.Error()
	}
	if s.Staleness < 0 || s.Staleness > 3000 {
		return fmt.Sprintf("%s last proved that it is fresh %d ms ago", n.name, s.Staleness)
	}
	for _, b := range s.Buckets {
		if b.Leader == "" {
			return n.name + ": nobody leads " + b.Name
		}
		for _, r := range b.Replicas {
			if !r.Current || r.Offline {
				return fmt.Sprintf("%s: the copy of %s on %s is behind", n.name, b.Name, r.Name)
			}
		}
	}
	return ""
}

// well waits until every node is.
func (c *cluster) well(t *testing.T, within time.Duration) {
	t.Helper()
	eventually(t, within, func() string {
		for _, n := range c.nodes {
			if n.hasEnded() {
				t.Fatalf("%s has ended, and said last:\n%s", n.name, n.log.String())
			}
			if problem := c.unwell(n); problem != "" {
				return problem
			}
		}
		return ""
	})
}

// leader is the node that leads a bucket, and follower one that stores and does not.
func (c *cluster) leader(t *testing.T, bucket string) *node {
	t.Helper()
	s, err := c.status(c.nodes[storing]) // the one that no fault of a leader is about
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range s.Buckets {
		for _, n := range c.nodes {
			if b.Name == bucket && b.Leader == n.name {
				return n
			}
		}
	}
	t.Fatalf("nobody leads %s: %+v", bucket, s)
	return nil
}

func (c *cluster) follower(t *testing.T, bucket string) *node {
	t.Helper()
	leader := c.leader(t, bucket)
	for _, n := range c.nodes[:storing] {
		if n != leader && n != c.nodes[1] { // the second has a disk of its own faults
			return n
		}
	}
	return c.nodes[1]
}

// eventually asks again and again until the answer is "", and fails with the last answer when that takes too long.
func eventually(t *testing.T, within time.Duration, ask func() (problem string)) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := ask()
		took := time.Since(began)
		if problem == "" {
			return took
		}
		if took > within {
			t.Fatalf("not within %s: %s", within, problem)
		}
		<-tick.C
	}
}
