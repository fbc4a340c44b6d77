//go:build bench

package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	expiredAtOnce = 200             // requests
	tokenLife     = 8 * time.Second // of what the provider gives
	renewalTime   = time.Second     // what it takes to renew it
)

// refresh measures requests that come all at once, to three nodes, on a token that has run out: how many refresh tokens
// the provider is shown for them, how many are not answered by the application, and how long the last one takes. The
// baseline are the same requests on a token that is good.
func (s *suite) refresh(t *testing.T) {
	c := s.newClusterFor(t, 3, launchApplication(t), nil, tokenLife)
	c.slow = renewalTime
	c.start()
	var renewals, lost, last, good []float64
	s.each("an expired token", func(int) string {
		cookie, err := c.signIn(t.Context(), person(0))
		if err != nil {
			t.Fatalf("signing in: %v", err)
		}
		valid, _ := c.burst(cookie)
		time.Sleep(tokenLife + time.Second) // nobody uses it: it runs out
		before := c.renewals.Load()
		took, failed := c.burst(cookie)
		shown := c.renewals.Load() - before
		renewals, lost = append(renewals, float64(shown)), append(lost, float64(failed))
		last, good = append(last, took.Seconds()), append(good, valid.Seconds())
		return fmt.Sprintf("%d redemptions, %d of %d lost, last answered after %s", shown, failed, expiredAtOnce, took)
	})
	what, of := fmt.Sprintf("%d requests at once on an expired token, three nodes: ", expiredAtOnce), "a token that is good"
	s.add(
		row{what: what + "redemptions, most", measured: percentile(renewals, 100), unit: count, baseline: 1, of: "session", reach: atMost(1)},
		row{what: what + "not answered, most", measured: percentile(lost, 100), unit: count, baseline: expiredAtOnce, of: "requests", reach: atMost(0)},
		row{what: what + "last answered, provider takes " + duration(renewalTime.Seconds()), measured: median(last), unit: duration, baseline: median(good), of: of},
	)
}

// burst asks the nodes all at once, and tells when the last was answered and how many not by the application.
func (c *cluster) burst(cookie string) (took time.Duration, failed int64) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: expiredAtOnce}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var wrong atomic.Int64
	begun := time.Now()
	asking, ctx := errgroup.WithContext(context.WithoutCancel(c.t.Context()))
	for i := range expiredAtOnce {
		asking.Go(func() error {
			if status, err := c.get(ctx, client, c.nodes[i%len(c.nodes)], "/", cookie); err != nil || status != http.StatusOK {
				wrong.Add(1)
			}
			return nil
		})
	}
	_ = asking.Wait() // the functions return nil
	return time.Since(begun), wrong.Load()
}
