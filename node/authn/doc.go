// Package authn answers who is asking: it signs people in at their identity providers, keeps their sessions in the
// broker, tells from a cookie or from a program's bearer whose request it is, refreshes tokens while they are used, bars
// whom an operator has locked out, and signs people out.
//
// It promises that "could not tell" is never "nobody": an Answer is Found, Locked, Absent or Unknown, and an error that wraps
// broker.ErrUnavailable changes nothing for those who are signed in. A session exists only after a quorum has it, and one
// that ended stays ended. While there is a lock that cannot be read, nobody is Found. What
// comes from outside (a cookie, a request that a browser carries between hosts, a provider's answer) is authenticated
// before it is looked at any further, is good for one host and one purpose, and where it is spent, is spent once.
//
// It takes and returns values and sees no HTTP request. Which page a step becomes is left to package console, whether a
// known caller may pass to package authz, and which request is asked about to package proxy.
package authn
