// Package allocs counts what a function allocates, for tests that hold that to be nothing, or little.
//
// The runtime counts for the whole process. Beside a test others may run, servers of tests before it end, and on a machine that
// does much else they do so whenever they get their turn: testing.AllocsPerRun counts all of that too, and refuses to run beside
// parallel tests. But a function that allocates does so whenever it is called, and what others do comes and goes: the least of
// many short counts is the function's own.
package allocs

import (
	"runtime"
	"time"
)

// patience is for how long counts are made, unless one of them is small enough: a test beside may make a key of RSA, and
// allocates for seconds where the machine is slow.
const patience = time.Minute

// Least is how often f allocates each time that it is called: the least of counts over so many calls, rounded down as
// testing.AllocsPerRun does, or the first that is no more than what is allowed. It calls f once before it counts, for what is made
// the first time only.
func Least(allowed uint64, calls int, f func()) uint64 {
	f()
	began, least := time.Now(), count(calls, f)
	for least > allowed && time.Since(began) < patience {
		time.Sleep(time.Millisecond) // for others to get done
		least = min(least, count(calls, f))
	}
	return least
}

func count(calls int, f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / uint64(calls)
}
