// Package dev is `picket dev`: a whole cluster to try picket on, on one machine and for as long as the command runs.
//
// It runs the nodes as child processes of the same binary, and beside them, in its own process, a TCP balancer in
// front of them, a small OpenID provider with three people, and an application that shows what it was handed. It
// promises that everything listens on loopback only, that a node that dies is said and started again, and that
// nothing is left running, nor (without a folder of the user's) on disk, when it ends.
//
// What a node does is not its matter: it writes the configuration, starts `run --config`, and asks /readyz.
package dev
