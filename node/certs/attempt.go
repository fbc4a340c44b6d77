package certs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mholt/acmez/v3/acme"

	"picket/broker"
)

// attempt is what the nodes know together of ordering one name: it is noted before an order is begun, and taken away when
// there is a certificate. So nodes wait together, and one that starts anew, or again and again, waits on. How long is counted
// by each node from when it first saw the note: their clocks may disagree.
type attempt struct {
	Count int           `json:"count"` // in a row
	Wait  time.Duration `json:"wait"`  // nobody tries again before
	Node  string        `json:"node"`
	ID    string        `json:"id"` // of this note
	Error string        `json:"error"`
}

const (
	attemptsFolder = "attempts"
	// attemptLife is how long after its time an attempt is remembered.
	attemptLife = 7 * 24 * time.Hour
	// limitedTime is how long an authority is left alone that says it was asked too often (RFC 8555, section 6.6).
	limitedTime = time.Hour
	// longestError is how much of an error is noted, in bytes: an authority may send a page.
	longestError = 600
	// begun is noted while an order is under way, and stays when the node that began it dies.
	begun = "an order was begun, and did not come to its end"
)

// retries are how long it is waited after the first, second, … attempt that failed; the last for all that follow.
func retries() []time.Duration {
	return []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
	}
}

func attemptPath(name string) string { return path.Join(attemptsFolder, name) }

// postponed says that an order is not due before a time.
type postponed struct{ until time.Time }

func (p postponed) Error() string { return "the next try is at " + p.until.UTC().Format(time.RFC3339) }

// waits tells when attempts are over, by this node's clock.
type waits struct {
	retries []time.Duration

	mu   sync.Mutex
	seen map[string]sighting // guarded by mu; by name
}

// sighting is when this node first saw a note.
type sighting struct {
	id    string
	since time.Time
}

func newWaits(retries []time.Duration) *waits {
	return &waits{retries: retries, seen: map[string]sighting{}}
}

// until is when an attempt has been waited out; zero: there was none.
func (w *waits) until(name string, a attempt) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.Count == 0 {
		delete(w.seen, name)
		return time.Time{}
	}
	if w.seen[name].id != a.ID {
		w.seen[name] = sighting{a.ID, time.Now()}
	}
	return w.seen[name].since.Add(min(a.Wait, w.longest()))
}

// longest is what no attempt makes anybody wait longer than.
func (w *waits) longest() time.Duration { return max(w.retries[len(w.retries)-1], limitedTime) }

// after is how long after that many attempts the next is due.
func (w *waits) after(count int) time.Duration {
	return w.retries[max(min(count, len(w.retries)), 1)-1]
}

// notes are the attempts, as one node writes them.
type notes struct {
	*storage
	node  string
	waits *waits
}

// attempt is the last one for a name; zero: there was none since the last certificate.
func (n notes) attempt(ctx context.Context, name string) (attempt, error) {
	text, err := n.Load(ctx, attemptPath(name))
	if missing(err) {
		return attempt{}, nil
	}
	if err != nil {
		return attempt{}, err
	}
	return readAttempt(text), nil
}

// readAttempt reads one; one that cannot be read is none: certificates do not wait for what nobody understands.
func readAttempt(text []byte) (a attempt) {
	if json.Unmarshal(text, &a) != nil {
		return attempt{}
	}
	return a
}

// begin notes that an order is begun.
func (n notes) begin(ctx context.Context, name string, before attempt) (attempt, error) {
	a := attempt{Count: before.Count + 1, Wait: n.waits.after(before.Count + 1), Node: n.node, Error: begun}
	return n.note(ctx, name, a)
}

// failed notes why an attempt failed, unless that has nothing to do with the authority.
func (n notes) failed(ctx context.Context, name string, a attempt, why error) error {
	if errors.Is(why, broker.ErrUnavailable) || errors.Is(why, errLockLost) || errors.Is(why, context.Canceled) {
		return nil
	}
	a.Error = short(why.Error())
	var problem acme.Problem
	if errors.As(why, &problem) && problem.Type == acme.ProblemTypeRateLimited {
		a.Wait = max(a.Wait, limitedTime)
	}
	_, err := n.note(ctx, name, a)
	return err
}

func (n notes) note(ctx context.Context, name string, a attempt) (attempt, error) {
	a.ID = rand.Text()
	text, err := json.Marshal(a)
	if err != nil {
		return a, fmt.Errorf("encoding an attempt: %w", err)
	}
	return a, n.put(ctx, attemptPath(name), text, a.Wait+attemptLife)
}

// over forgets the attempts for a name: there is a certificate, or somebody wants another try.
func (n notes) over(ctx context.Context, name string) error { return n.remove(ctx, attemptPath(name)) }

// short is as much of an error as is noted and logged, as one line of characters that a terminal shows.
func short(text string) string {
	clean := make([]rune, 0, min(len(text), longestError))
	for _, r := range text {
		if len(clean) == longestError {
			return string(clean) + "…"
		}
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			r = ' '
		}
		clean = append(clean, r)
	}
	return string(clean)
}
