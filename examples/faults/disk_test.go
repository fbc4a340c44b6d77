//go:build faults

package faults

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// diskSize is how much the small disk holds: more than the state of the run, and little enough to be filled in a moment.
const diskSize = "192m"

// smallDisk gives a node a disk of its own, where the machine allows.
func (c *cluster) smallDisk(t *testing.T, n *node) {
	t.Helper()
	if !c.isolated() {
		return
	}
	if err := syscall.Mount("faults", n.store, "tmpfs", 0, "size="+diskSize); err != nil {
		t.Fatalf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(n.store, syscall.MNT_DETACH) }) // it goes with the namespace
}

// fill leaves no room on the node's disk. Where it has no disk of its own, no file of the process may grow any more, which
// the store takes for a broken disk and not for a full one.
func (c *cluster) fill(t *testing.T, n *node) (free func()) {
	t.Helper()
	if !c.isolated() {
		return limitFiles(t, n)
	}
	path := filepath.Join(n.store, "filler")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it is full on purpose
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("filling the disk of %s: %v", n.name, err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Errorf("freeing the disk of %s: %v", n.name, err)
		}
	}
}

func limitFiles(t *testing.T, n *node) (free func()) {
	t.Helper()
	limit := func(to uint64) {
		if err := unix.Prlimit(n.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: to, Max: unix.RLIM_INFINITY}, nil); err != nil && !n.hasEnded() {
			t.Fatalf("limiting the files of %s: %v", n.name, err)
		}
	}
	limit(0)
	return func() { limit(unix.RLIM_INFINITY) }
}
