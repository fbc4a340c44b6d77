package broker

import "time"

// instant is a moment on two clocks: the monotonic one, which stands still while the machine is suspended, and the wall
// clock, which does not but may be set. Where they drift apart, neither can be believed.
type instant struct {
	monotonic time.Duration // since the process began
	wall      time.Duration // since 1970
}

// began is read only: what monotonic readings are counted from.
var began = time.Now()

func present() instant {
	now := time.Now()
	return instant{monotonic: now.Sub(began), wall: time.Duration(now.UnixNano())}
}
