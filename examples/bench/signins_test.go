//go:build bench

package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// signInsAtOnce is how many people sign in at the same time.
const signInsAtOnce = 16

// crowd is what a round of sign-ins came to.
type crowd struct {
	cookies []string  // of those who were signed in
	took    []float64 // seconds, each
	rate    float64   // of a second
}

// signIns lets people sign in, sixteen at a time, until the time is over or there are enough.
func (c *cluster) signIns(during time.Duration, enough int) crowd {
	c.t.Helper()
	var all crowd
	var mu sync.Mutex
	begun := time.Now()
	workers, ctx := errgroup.WithContext(c.t.Context())
	for i := range signInsAtOnce {
		workers.Go(func() error {
			for time.Since(begun) < during {
				since := time.Now()
				cookie, err := c.signIn(ctx, person(i))
				if err != nil {
					return err
				}
				mu.Lock()
				all.cookies, all.took = append(all.cookies, cookie), append(all.took, time.Since(since).Seconds())
				done := len(all.cookies) >= enough
				mu.Unlock()
				if done {
					return nil
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		c.t.Fatalf("signing in: %v", err)
	}
	all.rate = float64(len(all.cookies)) / time.Since(begun).Seconds()
	return all
}

// forEach does something with each cookie, sixteen at a time.
func (c *cluster) forEach(cookies []string, do func(ctx context.Context, cookie string) error) {
	c.t.Helper()
	workers, ctx := errgroup.WithContext(c.t.Context())
	workers.SetLimit(signInsAtOnce)
	for _, cookie := range cookies {
		workers.Go(func() error { return do(ctx, cookie) })
	}
	if err := workers.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// cluster measures what needs three nodes: sign-ins, what their sessions take in memory, and revocation.
func (s *suite) cluster(t *testing.T) {
	application := launchApplication(t)
	one, three := s.newCluster(t, 1, application, nil), s.newCluster(t, 3, application, nil)
	one.start()
	three.start()
	cookies := s.signIns(one, three)
	one.wipe()
	if missing := s.known - len(cookies); missing > 0 {
		s.say("sessions: signing %d more people in", missing)
		cookies = append(cookies, three.signIns(time.Hour, missing).cookies...)
	}
	s.sessions(t, three, cookies)
	s.revocation(t, three)
}

// signIns measures sign-ins of three nodes on disk against one in memory, and gives the cookies of the three's.
func (s *suite) signIns(one, three *cluster) (cookies []string) {
	const noEnd = 1 << 30
	var rates, p50, p99, rateOne, p50One, p99One []float64
	s.each("sign-ins", func(int) string {
		a := one.signIns(s.during, noEnd)
		rateOne, p50One, p99One = append(rateOne, a.rate), append(p50One, median(a.took)), append(p99One, percentile(a.took, 99))
		b := three.signIns(s.during, noEnd)
		rates, p50, p99 = append(rates, b.rate), append(p50, median(b.took)), append(p99, percentile(b.took, 99))
		cookies = append(cookies, b.cookies...)
		return fmt.Sprintf("one node in memory %s, three on disk %s", rate(a.rate), rate(b.rate))
	})
	of := "one node in memory"
	s.add(
		row{what: "sign-ins, three nodes on disk, 16 at once", measured: median(rates), unit: rate, baseline: median(rateOne), of: of},
		row{what: "sign-in, p50", measured: median(p50), unit: duration, baseline: median(p50One), of: of},
		row{what: "sign-in, p99", measured: median(p99), unit: duration, baseline: median(p99One), of: of},
	)
	return cookies
}
