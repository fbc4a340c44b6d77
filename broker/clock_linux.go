package broker

import (
	"time"

	"golang.org/x/sys/unix"
)

// running is how long the machine has been up, suspended or not. Every Linux that Go runs on has this clock.
func running() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		panic("broker: no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(now.Nano())
}
