package authn

import (
	"hash/maphash"
	"testing"
	"time"
)

func TestOfTwoSessionsInOnePlaceEachIsFound(t *testing.T) {
	w := newWorld(t)
	k := w.recent
	place := func(id string) uint64 { return maphash.String(k.seed, id) % uint64(len(k.places)) }
	first, second := newID(), newID()
	for place(second) != place(first) {
		second = newID()
	}
	for _, id := range []string{first, second} {
		if k.held(id, w.knownSessions) != nil {
			t.Error("a session is found that is not there")
		}
		if _, err := w.sessions.Create(w.ctx, id, Session{ID: id}, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.until("it is in memory", func() bool { _, err := w.knownSessions.Get(w.ctx, id); return err == nil })
	}
	for range 3 {
		for _, id := range []string{first, second, second} {
			w.until("it is found", func() bool {
				_, err := w.knownSessions.Get(w.ctx, id) // as a request does that finds nothing
				s := k.held(id, w.knownSessions)
				if s != nil && s.ID != id {
					t.Errorf("%s is asked for, and %s found", id, s.ID)
				}
				return err == nil && s != nil
			})
		}
	}
}

func TestARecentSessionThatChangedIsFoundAsItIs(t *testing.T) {
	w := newWorld(t)
	id := newID()
	if _, err := w.sessions.Create(w.ctx, id, Session{ID: id}, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.until("it is in memory", func() bool {
		_, err := w.knownSessions.Get(w.ctx, id)
		return err == nil && w.recent.held(id, w.knownSessions) != nil
	})
	if err := w.changeSession(w.ctx, id, func(s *Session) bool { s.UserAgent = "another"; return true }); err != nil {
		t.Fatal(err)
	}
	w.until("it is found as it is", func() bool { s := w.recent.held(id, w.knownSessions); return s != nil && s.UserAgent == "another" })
	if err := w.sessions.Delete(w.ctx, id); err != nil {
		t.Fatal(err)
	}
	w.until("it is gone", func() bool { return w.recent.held(id, w.knownSessions) == nil })
}
