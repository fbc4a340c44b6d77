//go:build faults

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// prefix is the network of the cluster; the nodes are .1 and up, what is around them is gateway. Inside namespaces nobody
// else has it; outside, all of it is loopback.
const (
	isolatedPrefix = "10.77.0"
	loopbackPrefix = "127.77.0"
	outsider       = 100 // the suite itself: balancer, provider, application, and all clients
	bridge         = "picket"
)

// space is a network namespace; nil is the suite's own.
type space struct {
	file *os.File // what it is kept and entered by
}

// inside runs do on a thread that is in the namespace, and that ends with do: no other code ever runs there.
func (s *space) inside(do func() error) error {
	if s == nil {
		return do()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Setns(int(s.file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("entering a namespace: %w", err)
			return
		}
		result <- do()
	}()
	return <-result
}

// openSpace makes a namespace with an address in the cluster's network.
func openSpace(t *testing.T, host int) *space {
	t.Helper()
	made := make(chan *space, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		var s *space
		defer func() { made <- s }()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("making a namespace: %v", err)
			return
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Errorf("keeping a namespace: %v", err)
			return
		}
		s = &space{file: file}
	}()
	s := <-made
	if s == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = s.file.Close() }) // nothing to lose
	near, far := fmt.Sprintf("picket%d", host), "eth0"
	reach := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.file.Fd())
	ip(t, nil, "link", "add", near, "type", "veth", "peer", "name", far, "netns", reach)
	ip(t, nil, "link", "set", near, "master", bridge, "up")
	ip(t, s, "address", "add", address(isolatedPrefix, host)+"/24", "dev", far)
	ip(t, s, "link", "set", far, "up")
	ip(t, s, "link", "set", "lo", "up")
	return s
}

// openBridge joins all namespaces with the suite's own.
func openBridge(t *testing.T) {
	t.Helper()
	ip(t, nil, "link", "set", "lo", "up")
	ip(t, nil, "link", "add", bridge, "type", "bridge")
	ip(t, nil, "address", "add", address(isolatedPrefix, outsider)+"/24", "dev", bridge)
	ip(t, nil, "link", "set", bridge, "up")
	t.Cleanup(func() { ip(t, nil, "link", "delete", bridge) })
}

// nobody is the hardware address of no interface.
const nobody = "02:00:00:00:00:ff"

// cut makes all that is sent from s to a host vanish without a word, as on a broken path. The other direction is another cut.
func (s *space) cut(t *testing.T, host int) {
	t.Helper()
	ip(t, s, "neighbour", "replace", address(isolatedPrefix, host), "lladdr", nobody, "dev", "eth0", "nud", "permanent")
}

// mend ends a cut.
func (s *space) mend(t *testing.T, host int) {
	t.Helper()
	ip(t, s, "neighbour", "delete", address(isolatedPrefix, host), "dev", "eth0")
}

// ip runs iproute2 in a namespace.
func ip(t *testing.T, s *space, args ...string) {
	t.Helper()
	err := s.inside(func() error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func address(prefix string, host int) string { return prefix + "." + strconv.Itoa(host) }
