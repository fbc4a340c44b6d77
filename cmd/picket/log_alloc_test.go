//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package main

import (
	"io"
	"testing"

	"picket/examples/allocs"
	"picket/node/config"
)

func TestALineAllocatesNothing(t *testing.T) {
	w := &logWriter{to: io.Discard, hold: logHold}
	log := newLog(w, config.Telemetry{}, false)
	if n := allocs.Least(0, 100, func() { log.Info().Str("path", "/some/page").Int("status", 200).Msg("request") }); n != 0 {
		t.Errorf("it allocates %d times", n)
	}
}
