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

const (
	revocations    = 200
	revocationTime = 0.025 // seconds, the most for 99 of 100
)

// revocation measures how long after a revocation was acknowledged the last of the nodes refuses. Each node is asked one
// request after the other, from the acknowledgement on, until it refuses: the time is that of the refusal's arrival, so
// it holds one request, whose time is the baseline.
func (s *suite) revocation(t *testing.T, c *cluster) {
	s.say("revocation: signing %d people in", revocations)
	cookies := c.signIns(time.Hour, revocations).cookies[:revocations]
	client := c.TLS.client()
	defer client.CloseIdleConnections()
	var admitted, refused []float64
	for i, cookie := range cookies {
		if _, err := c.untilAll(client, cookie, http.StatusOK); err != nil { // known everywhere: refusing has to be learned
			t.Fatalf("before the revocation: %v", err)
		}
		a, err := c.untilAll(client, cookie, http.StatusOK)
		if err != nil {
			t.Fatalf("before the revocation: %v", err)
		}
		by := c.nodes[i%len(c.nodes)]
		by.ask(http.MethodDelete, "/v1/sessions/"+sessionOf(cookie))
		r, err := c.untilAll(client, cookie, http.StatusUnauthorized)
		if err != nil {
			t.Fatalf("after the revocation: %v", err)
		}
		admitted, refused = append(admitted, a.Seconds()), append(refused, r.Seconds())
		if (i+1)%50 == 0 {
			s.say("revocation: %d of %d, p50 %s, p99 %s", i+1, revocations, duration(median(refused)), duration(percentile(refused, 99)))
		}
	}
	what, of := fmt.Sprintf("revocation acknowledged → last of three refuses, %d, ", revocations), "admitted by each"
	s.add(
		row{what: what + "p50", measured: median(refused), unit: duration, baseline: median(admitted), of: of},
		row{what: what + "p99", measured: percentile(refused, 99), unit: duration, baseline: percentile(admitted, 99), of: of, reach: atMost(revocationTime)},
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
