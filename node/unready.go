package node

import (
	"context"
	"fmt"
	"time"
)

const (
	// tellAfter is how long a node is not ready before the log says why, and tellAgain how often it does while that lasts;
	// something else is told after tellAfter again.
	tellAfter, tellAgain = 5 * time.Second, 30 * time.Second
	// lookWhy is how often a node looks why it is not ready.
	lookWhy = time.Second
)

// stage is how far a node got in its life.
type stage struct {
	name  string
	since time.Time
}

// The stages, in their order. The door is open in stageServing alone.
const (
	stageBroker  = "broker" // the others are looked for
	stageStore   = "store"  // what they know together is opened, and proved fresh
	stageServing = "serving"
	stageEnd     = "end"
)

// at says that a node got so far.
func (n *Node) at(name string) { n.stage.Store(&stage{name, time.Now()}) }

// unready is why a node should not be sent requests.
type unready struct {
	Why   string    `json:"why"`            // "": it is ready
	Since time.Time `json:"since,omitzero"` // by this node's clock; zero: not known
}

// unready tells why this node is not ready, and since when. It asks nobody.
func (n *Node) unready() unready {
	s := n.stage.Load()
	switch {
	case n.ready():
		return unready{}
	case s.name == stageServing && n.serving.Load():
		return n.stale()
	case s.name == stageServing, s.name == stageEnd:
		return unready{"stopping: finishing what was begun", s.since}
	}
	if w := n.broker.Waiting(); w.Why != "" {
		return unready{"starting: " + w.Why, w.Since}
	}
	return unready{"starting: " + n.lacks(s), s.since}
}

// lacks is what a node that starts lacks to be ready, as far as it knows.
func (n *Node) lacks(s *stage) string {
	if s.name == stageBroker {
		return "looking for the others"
	}
	if why := n.broker.Apart(); why != "" {
		return why
	}
	if name, why := n.unproved(); name != "" {
		return "waiting for proof that what it knows of " + name + " is fresh: " + why
	}
	return "waiting for the store: an election takes up to ten seconds"
}

// stale is why a node that serves cannot tell who may enter.
func (n *Node) stale() unready {
	u := unready{Why: "cannot prove that what this node knows is fresh"}
	if age := n.broker.Staleness(); age < 24*time.Hour {
		u.Since = time.Now().Add(n.config().Cluster.MaxStaleness - age)
	}
	if why := n.broker.Apart(); why != "" {
		u.Why += ": " + why
	} else if name, why := n.unproved(); name != "" {
		u.Why += fmt.Sprintf(" (%s): %s", name, why)
	}
	return u
}

// unproved is the first bucket of which this node cannot prove that it knows the latest, and why. "": there is none.
func (n *Node) unproved() (name, why string) {
	for _, f := range n.broker.Freshness() {
		if !f.Fresh {
			return f.Name, f.Why
		}
	}
	return "", ""
}

// String is for people.
func (u unready) String() string {
	if u.Since.IsZero() {
		return u.Why
	}
	return fmt.Sprintf("%s (for %s)", u.Why, max(time.Since(u.Since), 0).Round(time.Second))
}

// tellUnready says in the log why this node is not ready, when that lasts, and now and then while it does.
func (n *Node) tellUnready(ctx context.Context) {
	tick := time.NewTicker(lookWhy)
	defer tick.Stop()
	var told telling
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			n.tellWhy(&told, now)
		}
	}
}

// tellWhy leaves to the broker what it waits for before it is open, and says nothing of an end.
func (n *Node) tellWhy(told *telling, now time.Time) {
	s, u := n.stage.Load(), n.unready()
	if s.name == stageBroker || s.name == stageEnd || !told.due(u.Why, now) {
		return
	}
	event := n.log.Info()
	if s.name == stageServing {
		event = n.log.Warn()
	}
	if !u.Since.IsZero() {
		event = event.Dur("for_ms", max(now.Sub(u.Since), 0))
	}
	event.Msg("not ready: " + u.Why)
}

// telling is what the log was told of why a node is not ready.
type telling struct {
	since time.Time // zero: it was ready when it was looked at last
	last  time.Time // zero: nothing was told since
	why   string    // told last
}

// due tells whether it is time to tell why; "" says that all is well.
func (t *telling) due(why string, now time.Time) bool {
	switch {
	case why == "":
		*t = telling{}
		return false
	case t.since.IsZero():
		t.since = now
		return false
	case t.last.IsZero() && now.Sub(t.since) < tellAfter:
		return false
	case !t.last.IsZero() && now.Sub(t.last) < tellAgain && (why == t.why || now.Sub(t.last) < tellAfter):
		return false
	}
	t.last, t.why = now, why
	return true
}
