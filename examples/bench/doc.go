// Package bench measures picket: real nodes, real sign-ins, and other proxies beside them (nginx, HAProxy, Caddy, and
// oauth2-proxy where OAUTH2_PROXY names its binary), in one run on one machine.
//
// `make bench` prints one table: each number with its baseline of the same run, the ratio, and the number to reach. A
// figure is the median of rounds, and what is compared takes turns in each round, so that a machine with other work to
// do is unfair to both alike; what a request costs beside nginx is the median of the ratios within the rounds. A number that
// is not reached is told and fails nothing; what cannot be measured fails.
//
// `make bench SHORT=1` takes a quick look at what a request costs, in two or three minutes; PEERS and PART name what of
// it, as in `make bench PART=http1,idle PEERS=nginx,protected`, ROUNDS how often, and PROFILE a folder for a profile of the
// node (of HTTP/1.1, or of what PROFILED names; PART=none measures nothing else).
//
// It runs on Debian: `install` brings the others and what loads them, and what a process costs is read from /proc. It
// writes only below a temporary folder, and no process outlives it.
package bench
