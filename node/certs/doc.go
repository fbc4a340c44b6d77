// Package certs keeps certificates for the names that listeners serve with `tls = "auto"`: it orders them from an ACME
// authority (RFC 8555), renews them, and gives them to the door. Ordering is certmagic's; what it keeps lies in the broker.
//
// It promises that one node orders and all serve: accounts, keys, certificates and answers to challenges are sealed records
// of the bucket `certs`, every node has them in memory, and whichever node the authority asks can answer. A node orders
// under a lease, and stops before another can have it. What was tried and failed is noted in the bucket, so that nodes wait
// together and a node that starts anew waits on. And a store that does not answer is never taken for one that has nothing:
// nothing is ordered because nobody could tell.
//
// For a name that no route has, nothing is ever ordered. Which names those are is left to package config, and what
// happens on a connection to the door.
package certs
