// Package bench measures picket: real nodes, real sign-ins, and plain nginx beside them, in one run on one machine.
//
// `make bench` prints one table: each number with its baseline of the same run, the ratio, and the number to reach. A
// figure is the median of rounds, and what is compared takes turns in each round, so that a machine with other work to
// do is unfair to both alike. A number that is not reached is told and fails nothing; what cannot be measured fails.
//
// It runs on Debian: `install` brings nginx and wrk, and what a process costs is read from /proc. It writes only below a
// temporary folder, and no process outlives it.
package bench
