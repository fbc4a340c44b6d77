//go:build !linux

package broker

import "time"

// began is read only: what monotonic readings are counted from.
var began = time.Now()

// running is how long the process has run; it may stand still while the machine is suspended.
func running() time.Duration { return time.Since(began) }
