package main

import "testing"

func TestANodeWhoseClockDisagreesIsToldSo(t *testing.T) {
	for ahead, want := range map[float64]cell{
		0:     {"keeps state", plain},
		90:    {"keeps state, its clock is 1m30s ahead", yellow},
		-3600: {"keeps state, its clock is 1h0m0s behind", yellow},
	} {
		if got := (nodeStatus{Stores: true, Ahead: ahead}).state(); got != want {
			t.Errorf("%v seconds ahead: got %+v, want %+v", ahead, got, want)
		}
	}
}
