// Package e2e tries picket as people and operators meet it: real processes of the real binary, real sockets, a real
// browser, identity providers that somebody else wrote, and a NATS cluster of its own.
//
// Its tests carry the build tag e2e (`make e2e`); the script install beside them fetches what they need and Go does
// not bring: Debian's chromium, ssh, Node.js and ngtcp2's client of HTTP/3 (its curl does not speak that), and the npm
// package oidc-provider at the versions of its lock file.
//
// A client here may do what RFC 9110, section 9.2.2 allows to any: send a GET once more when its connection ended
// before the first byte of an answer. The balancer may pass over a node that refuses a connection. Nothing else is
// forgiven: every answer that comes is looked at.
package e2e
