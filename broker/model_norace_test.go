//go:build !race

package broker

// modelChecks is how many worlds are played; -rapid.checks on the command line says otherwise.
const modelChecks = "100"
