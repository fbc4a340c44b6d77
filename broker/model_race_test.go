//go:build race

package broker

// modelChecks is how many worlds are played under the race detector, which makes them slow and has little to find in them:
// each is played by one goroutine.
const modelChecks = "10"
