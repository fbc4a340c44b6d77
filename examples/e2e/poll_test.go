//go:build e2e

package e2e

import (
	"testing"
	"time"

	"picket/examples/pace"
)

// patience is how long to wait for what has to come, and no promise is about when: a machine may be slow, and do much else.
const patience = 2 * time.Minute

// eventually asks again and again until the answer is "", and fails with the last answer when that takes longer than is
// promised, and than the machine is slow.
func eventually(t *testing.T, within time.Duration, ask func() (problem string)) time.Duration {
	t.Helper()
	began, p := time.Now(), pace.Start(t)
	defer p.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := ask()
		took := time.Since(began)
		if problem == "" {
			return took
		}
		if took > p.Within(within) {
			t.Fatalf("not within %s: %s", within, problem)
		}
		<-tick.C
	}
}
