// Package config is the language of cluster.hcl. Load reads a file, or a folder of them, into plain Go values and
// checks the whole before anything starts: a Config that it returns can be run as it stands.
//
// It promises that all mistakes are told at once, each with its place in the files and what to write instead; that a
// name it does not know is an error with the nearest known name; and that no secret is repeated in what it prints.
//
// It leaves the inside of policy blocks, and the expressions of header values, to package policy, and opens nothing
// but the files that the configuration names: no port, no connection, no store.
package config
