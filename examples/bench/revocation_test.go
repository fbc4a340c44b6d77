//go:build bench

package bench

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// revocationTime is the most for 99 of 100, in seconds.
const revocationTime = 0.025

// revocation measures how long after a revocation was acknowledged the last of the nodes refuses. Each node is asked one
// request after the other, from the acknowledgement on, until it refuses: the time is that of the refusal's arrival, so
// it holds one request, whose time is the baseline. Then the same while the cluster takes a thousand other writes a second.
func (s *suite) revocation(t *testing.T, c *cluster) {
	s.revoke(c, s.ended, "")
	w := c.write(t, writesPerSecond)
	s.revoke(c, s.ended/4, fmt.Sprintf(" under %d writes/s", writesPerSecond))
	s.say("revocation: beside %s", rate(w.stop().rate))
}

// revoke signs so many people in, revokes each, and adds what it took.
func (s *suite) revoke(c *cluster, count int, when string) {
	c.t.Helper()
	s.say("revocation%s: signing %d people in", when, count)
	cookies := c.signIns(time.Hour, count).cookies[:count]
	client := c.TLS.client()
	defer client.CloseIdleConnections()
	var admitted, refused []float64
	for i, cookie := range cookies {
		if _, err := c.untilAll(client, cookie, http.StatusOK); err != nil { // known everywhere: refusing has to be learned
			c.t.Fatalf("before the revocation: %v", err)
		}
		a, err := c.untilAll(client, cookie, http.StatusOK)
		if err != nil {
			c.t.Fatalf("before the revocation: %v", err)
		}
		by := c.nodes[i%len(c.nodes)]
		by.ask(http.MethodDelete, "/v1/sessions/"+sessionOf(cookie))
		r, err := c.untilAll(client, cookie, http.StatusUnauthorized)
		if err != nil {
			c.t.Fatalf("after the revocation: %v", err)
		}
		admitted, refused = append(admitted, a.Seconds()), append(refused, r.Seconds())
		if (i+1)%250 == 0 {
			s.say("revocation%s: %d of %d, p50 %s, p99 %s", when, i+1, count, duration(median(refused)), duration(percentile(refused, 99)))
		}
	}
	what, of := fmt.Sprintf("revocation acknowledged → last of three refuses%s, %d, ", when, count), "admitted by each"
	s.add(
		row{what: what + "p50", measured: median(refused), unit: duration, baseline: median(admitted), of: of},
		row{what: what + "p99", measured: percentile(refused, 99), unit: duration, baseline: percentile(admitted, 99), of: of, reach: atMost(revocationTime)},
		row{what: what + "max", measured: percentile(refused, 100), unit: duration, baseline: percentile(admitted, 100), of: of},
	)
}

// untilAll asks all nodes at once, each until it answers with the status, and gives the time of the last.
func (c *cluster) untilAll(client *http.Client, cookie string, want int) (time.Duration, error) {
	begun := time.Now()
	asking, ctx := errgroup.WithContext(c.t.Context())
	for _, n := range c.nodes {
		asking.Go(func() error { return c.untilStatus(ctx, client, n, cookie, want) })
	}
	err := asking.Wait()
	return time.Since(begun), err
}

func (c *cluster) untilStatus(ctx context.Context, client *http.Client, n *node, cookie string, want int) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		status, err := c.get(ctx, client, n, "/", cookie)
		if err != nil {
			return err
		}
		if status == want {
			return nil
		}
		if status != http.StatusOK {
			return fmt.Errorf("%s answers %d", n.name, status)
		}
	}
	return fmt.Errorf("%s does not answer %d", n.name, want)
}
