//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// eventually asks again and again until the answer is "", and fails with the last answer when that takes too long.
func eventually(t *testing.T, within time.Duration, ask func() (problem string)) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := ask()
		took := time.Since(began)
		if problem == "" {
			return took
		}
		if took > within {
			t.Fatalf("not within %s: %s", within, problem)
		}
		<-tick.C
	}
}
