package authn

import (
	"context"
	"sync/atomic"
	"time"

	"picket/node/config"
)

// What a request waits for the refresh of tokens that have run out: longer than a slow provider takes to renew them and to
// say what it knows of the person. A public route waits for nobody for long.
const (
	waitTime       = 2 * patientTime
	publicWaitTime = 2 * time.Second
)

// awaitTokens answers a request whose session's tokens have run out, when they are refreshed here or elsewhere, or the
// session ended, or it is known that neither can be hoped for now. Unknown in the last case: who it is cannot be told
// while the provider does not vouch for them, and that is not nobody.
func (a *Authn) awaitTokens(ctx context.Context, id string, r *config.Route) (Caller, Answer) {
	patience := waitTime
	if r != nil && r.Access == config.Public {
		patience = publicWaitTime
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, answer := a.untilVouched(ctx, id, r)
	a.metrics.waited(answer)
	return c, answer
}

func (a *Authn) untilVouched(ctx context.Context, id string, r *config.Route) (Caller, Answer) {
	for {
		w := a.listen(id) // before looking, so that nothing is missed
		now := a.now()
		c, answer := a.caller(ctx, id, nil, r, now)
		if answer != Found || !c.Session.lapsed(now) {
			a.unlisten(id, w)
			return c, answer
		}
		hope := a.mayRefresh(c.Session, now)
		if hope {
			a.askRefresh(c.Session, now)
			select {
			case <-w.news:
			case <-ctx.Done():
				hope = false
			}
		}
		a.unlisten(id, w)
		if !hope {
			return Caller{Doubt: ProviderSilent}, Unknown
		}
	}
}

// mayRefresh tells whether there is something to wait for: the provider is not known to be failing, nor did the last
// refresh of the session fail a moment ago.
func (a *Authn) mayRefresh(s *Session, now time.Time) bool {
	p := a.providers[s.Identity]
	return p != nil && !p.rests() && !now.Before(s.RefreshAt) && now.UnixNano() >= atomic.LoadInt64(&s.retry)
}

// postpone notes that a refresh failed, and leaves the session's tokens alone for a while.
func (s *Session) postpone(now time.Time) {
	wait := backOff(atomic.AddInt64(&s.tries, 1))
	atomic.StoreInt64(&s.retry, now.Add(wait).UnixNano())
	atomic.StoreInt64(&s.asked, 0)
}

// waiting are requests that wait for news of one session.
type waiting struct {
	news  chan struct{} // closed when there are
	count int           // guarded by Authn.mu
}

func (a *Authn) listen(id string) *waiting {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waiting[id]
	if w == nil {
		w = &waiting{news: make(chan struct{})}
		a.waiting[id] = w
	}
	w.count++
	return w
}

func (a *Authn) unlisten(id string, w *waiting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.count--
	if w.count == 0 && a.waiting[id] == w {
		delete(a.waiting, id)
	}
}

// wake tells those who wait that there are news of a session; "": of any.
func (a *Authn) wake(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id == "" {
		for _, w := range a.waiting {
			close(w.news)
		}
		clear(a.waiting)
		return
	}
	if w := a.waiting[id]; w != nil {
		close(w.news)
		delete(a.waiting, id)
	}
}
