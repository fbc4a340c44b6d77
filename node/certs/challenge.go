package certs

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const (
	// challengesFolder is where answers to challenges lie: challengesFolder/TYPE/ID.
	challengesFolder = "challenges"
	// challengeLife is how long an answer is kept that nobody cleans up.
	challengeLife = time.Hour
	// spreadTime is how long after a quorum has an answer the authority is told to ask for it. The feed needs milliseconds.
	spreadTime = 200 * time.Millisecond
)

// solvers answer the kinds of challenge that the configuration has.
func (a *authority) solvers() map[string]acmez.Solver {
	all := map[string]acmez.Solver{}
	for _, kind := range a.Challenges {
		if kind == acme.ChallengeTypeDNS01 {
			all[kind] = &dnsSolver{DNS: newUpdater(a.DNS), zone: a.DNS.Zone, settle: a.DNS.Propagation}
			continue
		}
		all[kind] = solver{a.storage}
	}
	return all
}

// solver answers HTTP-01 and TLS-ALPN-01: it lays the answer where every node finds it.
type solver struct{ storage *storage }

// challengePath is where the answer lies: by the token that will be asked for, or by the name.
func challengePath(kind, id string) string { return path.Join(challengesFolder, kind, id) }

func challengeID(c acme.Challenge) string {
	if c.Type == acme.ChallengeTypeHTTP01 {
		return c.Token
	}
	return c.Identifier.Value
}

// Present lays the answer down. When it returns, a quorum has it.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding a challenge: %w", err)
	}
	return s.storage.put(ctx, challengePath(c.Type, challengeID(c)), text, challengeLife)
}

// Wait lets the feed tell the others.
func (s solver) Wait(ctx context.Context, _ acme.Challenge) error { return sleep(ctx, spreadTime) }

// CleanUp takes the answer away, also when ctx has ended.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	return s.storage.remove(ctx, challengePath(c.Type, challengeID(c)))
}

// cleanUpTime is how long taking an answer away may take. It ends by itself.
const cleanUpTime = 5 * time.Second

func sleep(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(span):
		return nil
	}
}

// answer is what lies for a challenge.
func (m *Manager) answer(ctx context.Context, kind, id string) (c acme.Challenge, ok bool) {
	state := m.state.Load()
	if state == nil || !slices.Contains(m.wanted.Load().Challenges, kind) || id == "" {
		return c, false
	}
	r, ok := state.live.All()[keyOf(challengePath(kind, id))]
	if !ok && m.asks.Allow() { // the feed may be silent just now
		asking, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		entry, err := state.storage.bucket.Get(asking, keyOf(challengePath(kind, id)))
		r, ok = entry.Value, err == nil
	}
	if !ok || json.Unmarshal(r.Value, &c) != nil {
		return acme.Challenge{}, false
	}
	return c, c.Type == kind && challengeID(c) == id
}

// askTime bounds a question to the store for an answer that the feed has not told of.
const askTime = 3 * time.Second
