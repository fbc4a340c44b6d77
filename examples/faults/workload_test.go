//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// How often each client does what it does.
const (
	askEvery    = 25 * time.Millisecond
	signInEvery = 800 * time.Millisecond
	revokeEvery = 1100 * time.Millisecond
	lockEvery   = 3 * time.Second

	revokeAfter = 2 * time.Second // a session is left alone for so long, to be asked with
	fewest      = 25              // sessions that are left alone whatever happens
)

// chases are how many revocations are followed at once, to every node.
const chases = 40

// workload is people who sign in, ask, and are signed out, at every node and over the balancer, until it is stopped.
// Whatever they do and see is in the history.
type workload struct {
	cluster *cluster
	history *history
	group   sync.WaitGroup
	cancel  context.CancelFunc
	ctx     context.Context // ends with the workload
	chasing chan struct{}   // holds one for every chase

	mu   sync.Mutex
	live []session // guarded by mu: nobody has begun to revoke them
	gone []session // guarded by mu: revoked, and acknowledged

	barred []session // guarded by mu: locked, and acknowledged
}

// startWorkload signs some people in, and goes on with all the rest.
func startWorkload(t *testing.T, c *cluster, h *history) *workload {
	t.Helper()
	w := &workload{cluster: c, history: h, chasing: make(chan struct{}, chases)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	t.Cleanup(w.stop)
	first := newClient(c, h, balancer)
	for _, p := range people() {
		if s, ok := first.signIn(p.Name); ok {
			w.joined(s)
		}
	}
	targets := []string{balancer}
	for _, n := range c.nodes {
		targets = append(targets, n.name)
		w.repeat(revokeEvery, newClient(c, h, n.name), func(k *client) { w.revokes(k, n) })
		w.repeat(lockEvery, newClient(c, h, n.name), func(k *client) { w.locks(k, n) })
	}
	for _, target := range targets {
		for range 2 {
			w.repeat(askEvery, newClient(c, h, target), w.asks)
		}
		w.repeat(signInEvery, newClient(c, h, target), w.signsIn)
	}
	return w
}

// repeat does something at a target over and over.
func (w *workload) repeat(every time.Duration, k *client, do func(*client)) {
	w.group.Go(func() {
		for w.pause(every/2 + rand.N(every)) {
			do(k)
		}
	})
}

// pause waits; false when the workload has ended.
func (w *workload) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (w *workload) stop() {
	w.cancel()
	w.group.Wait()
}

func (w *workload) joined(s session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = append(w.live, s)
}

// any is a session to ask with: mostly a live one, at times one that was revoked or locked.
func (w *workload) any() (session, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := w.live
	if len(w.gone) > 0 && rand.IntN(8) == 0 {
		from = append(last(w.gone, sampled), last(w.barred, sampled)...)
	}
	if len(from) == 0 {
		return session{}, false
	}
	return from[rand.IntN(len(from))], true
}

func (w *workload) asks(k *client) {
	if s, ok := w.any(); ok {
		k.ask(s, false, askPatience)
	}
}

// signsIn signs somebody in, and shows the new session to every node at once: each must know it.
func (w *workload) signsIn(k *client) {
	all := people()
	s, ok := k.signIn(all[rand.IntN(len(all))].Name)
	if !ok {
		return
	}
	w.joined(s)
	for _, n := range w.cluster.nodes {
		w.group.Go(func() { newClient(w.cluster, w.history, n.name).once(s) })
	}
}

// once asks one time, with a connection of its own.
func (k *client) once(s session) {
	k.pool.DisableKeepAlives = true
	k.ask(s, false, askPatience)
}

// revokes ends a session that has been used for a while, now and then all of the person's, and follows that to the end.
func (w *workload) revokes(k *client, n *node) {
	ended, all := w.choose(rand.IntN(6) == 0)
	if len(ended) == 0 {
		return
	}
	which := ended[0]
	if all {
		which.id = ""
	}
	e := k.revoke(n, which)
	if e.outcome != done {
		return
	}
	w.mu.Lock()
	w.gone = append(w.gone, ended...)
	w.mu.Unlock()
	w.chase(ended[0], sentToSignIn)
}

// locks bars a session, follows that to the end, and frees about every second one again.
func (w *workload) locks(k *client, n *node) {
	chosen, _ := w.choose(false)
	if len(chosen) == 0 {
		return
	}
	s := chosen[0]
	e := k.lock(n, s)
	if e.outcome != done {
		return
	}
	w.chase(s, denied)
	if !w.pause(rand.N(lockEvery)) {
		return
	}
	if rand.IntN(2) == 0 && k.unlock(n, s, e.lock).outcome == done {
		w.joined(s)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.barred = append(w.barred, s)
}

// choose takes a session out of those that are alive, or all of the same person's.
func (w *workload) choose(all bool) (ended []session, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.live) < fewest {
		return nil, false
	}
	chosen := w.live[rand.IntN(len(w.live))]
	if w.history.now()-chosen.since < revokeAfter {
		return nil, false
	}
	ended = []session{chosen}
	var live []session
	for _, s := range w.live {
		switch {
		case s == chosen:
		case all && s.person == chosen.person:
			ended = append(ended, s)
		default:
			live = append(live, s)
		}
	}
	w.live = live
	return ended, all
}

// chase asks every node with a session that ended or was locked, fast at first, until each answers as it must.
func (w *workload) chase(s session, want outcome) {
	select {
	case w.chasing <- struct{}{}:
	default:
		return // enough are followed
	}
	var at sync.WaitGroup
	for _, n := range w.cluster.nodes {
		at.Add(1)
		w.group.Go(func() {
			defer at.Done()
			k := newClient(w.cluster, w.history, n.name)
			defer k.pool.CloseIdleConnections()
			for wait := 2 * time.Millisecond; k.stillWrong(s, want); wait = min(2*wait, 500*time.Millisecond) {
				if !w.pause(wait) {
					return
				}
			}
		})
	}
	w.group.Go(func() {
		at.Wait()
		<-w.chasing
	})
}

// stillWrong asks once more. A session that was locked may be revoked meanwhile.
func (k *client) stillWrong(s session, want outcome) bool {
	got := k.ask(s, false, askPatience).outcome
	return got != want && got != sentToSignIn
}

// ambush sends requests with revoked sessions to a node that is not awake, so that they are what it wakes up to.
func (w *workload) ambush(n *node, patience time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.gone[max(0, len(w.gone)-60):] {
		w.group.Go(func() {
			k := newClient(w.cluster, w.history, n.name)
			k.pool.DisableKeepAlives = true
			k.ask(s, false, patience)
		})
	}
}

// goesOn waits until people have signed in, asked and been signed out anew.
func (w *workload) goesOn(t *testing.T) {
	t.Helper()
	from := w.history.now()
	eventually(t, healsWithin, func() string {
		m := measure(w.history.record(), from, w.history.now())
		if m.admitted < 200 || m.signIns < 3 || m.revocations < 2 {
			return fmt.Sprintf("the work does not go on: %d requests admitted, %d sign-ins, %d revocations", m.admitted, m.signIns, m.revocations)
		}
		return ""
	})
}

// Of the sessions from before, so many are shown to every node after each fault.
const sampled = 60

// sweep shows every node the sessions that are alive, those that were revoked and those that are locked: when nothing is wrong any more, each
// must be judged rightly.
func (w *workload) sweep() {
	w.mu.Lock()
	all := append(last(w.live, sampled), last(w.gone, sampled)...)
	all = append(all, last(w.barred, sampled)...)
	w.mu.Unlock()
	var group sync.WaitGroup
	for _, n := range w.cluster.nodes {
		group.Go(func() {
			k := newClient(w.cluster, w.history, n.name)
			defer k.pool.CloseIdleConnections()
			for _, s := range all {
				k.ask(s, true, writePatience)
			}
		})
	}
	group.Wait()
}

func last(all []session, n int) []session {
	return append([]session(nil), all[max(0, len(all)-n):]...)
}
