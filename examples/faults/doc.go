// Package faults breaks a cluster of real nodes on purpose, while people sign in, ask and are signed out, and then
// judges what was promised from a record of all that happened.
//
// What is here without a build tag is the judge: the history of a run, the rules that no history may break, and the
// table of a run. It needs no cluster, and its own tests hand it forged histories, for a judge that finds nothing
// proves nothing. The run itself carries the build tag faults (`make faults`); see README.md.
package faults
