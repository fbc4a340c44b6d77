package authn

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/broker"
	"picket/node/config"
	"picket/policy"
)

// benchNode is a node with so many sessions of so many people in the store, and their cookies for the wiki.
func benchNode(b *testing.B, sessions, people int) (*Authn, *config.Config, []string) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	store, err := broker.New(broker.Options{Cluster: "t", Node: "n1", Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Open(ctx); err != nil {
		b.Fatal(err)
	}
	go func() { defer close(done); _ = store.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done; _ = store.Close(context.Background()) })
	conf := &config.Config{
		Authenticate: config.Authenticate{URL: authHost},
		Identities:   []config.Identity{{Name: "corp", Issuer: "https://idp.example"}},
		Session:      config.Session{Lifetime: time.Hour, Idle: 30 * time.Minute},
		Routes:       []config.Route{{Name: "wiki", From: wikiHost, Identities: []string{"corp"}, Assertion: config.Assertion{Header: "X-Assertion"}}},
	}
	a, err := New(Options{Config: conf, Broker: store, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	if err := a.Open(ctx); err != nil {
		b.Fatal(err)
	}
	var cookies []string
	for i := range sessions {
		got := vouched{user: User{ID: userID("https://idp.example", fmt.Sprint(i%people)), Email: "alice@example.com"}, groups: []string{"staff"}}
		s, err := a.record(ctx, stay{Identity: "corp"}, got, CallbackRequest{Address: "192.0.2.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140"})
		if err != nil {
			b.Fatal(err)
		}
		cookies = append(cookies, a.cookies.make(wikiHost, s.ID))
	}
	for !store.Fresh() {
		time.Sleep(time.Millisecond)
	}
	return a, conf, cookies
}

func BenchmarkIdentifyHit(b *testing.B) {
	a, conf, cookies := benchNode(b, 1, 1)
	var in policy.Input
	b.ReportAllocs()
	for b.Loop() {
		c, answer := a.Identify(b.Context(), wikiHost, cookies[0], &conf.Routes[0])
		if answer != Found {
			b.Fatal(answer)
		}
		c.Fill(&in)
	}
}

func BenchmarkIdentifyHitParallel(b *testing.B) {
	a, conf, cookies := benchNode(b, 64, 64)
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			if _, answer := a.Identify(b.Context(), wikiHost, cookies[i%64], &conf.Routes[0]); answer != Found {
				b.Error(answer)
				return
			}
		}
	})
}

func BenchmarkIdentifyForged(b *testing.B) {
	a, conf, cookies := benchNode(b, 1, 1)
	forged := cookies[0][:len(cookies[0])-2] + "AA"
	b.ReportAllocs()
	for b.Loop() {
		if _, answer := a.Identify(b.Context(), wikiHost, forged, &conf.Routes[0]); answer != Absent {
			b.Fatal(answer)
		}
	}
}

func BenchmarkVouchAgain(b *testing.B) {
	a, conf, cookies := benchNode(b, 1, 1)
	var c Caller
	now := time.Now()
	for range 3 { // what is found out is remembered
		c, _ = a.Identify(b.Context(), wikiHost, cookies[0], nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Vouch(c, &conf.Routes[0], now, func(assertion string) any { return &assertion }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecord is what a sign-in costs the store: user, groups, tokens and session.
func BenchmarkRecord(b *testing.B) {
	a, _, _ := benchNode(b, 0, 1)
	got := vouched{user: User{ID: userID("https://idp.example", "alice")}, groups: []string{"staff"}}
	for b.Loop() {
		if _, err := a.record(b.Context(), stay{Identity: "corp"}, got, CallbackRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemoryOfACachedSession tells what a session takes in memory once it was used: of one person, and each of
// another, whose user and groups are counted as well.
func BenchmarkMemoryOfACachedSession(b *testing.B) {
	const sessions = 2000
	for name, people := range map[string]int{"alone": 1, "with user and groups": sessions} {
		b.Run(name, func(b *testing.B) {
			a, conf, cookies := benchNode(b, sessions, people)
			before := heap()
			for _, cookie := range cookies {
				if _, answer := a.Identify(b.Context(), wikiHost, cookie, &conf.Routes[0]); answer != Found {
					b.Fatal(answer)
				}
			}
			taken := heap() - before
			for b.Loop() { // what counts is the metric
				continue
			}
			b.ReportMetric(float64(taken)/sessions, "B/session")
			runtime.KeepAlive(a)
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
