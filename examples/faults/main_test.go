//go:build faults

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What the suite tells itself when it starts itself again inside namespaces.
const (
	insideVar = "PICKET_FAULTS_INSIDE" // set: this is inside; its value: what could not be had, "" is everything
	binaryVar = "PICKET_FAULTS_BINARY"
)

// TestMain builds picket and runs the suite in a network and a file system of its own: nothing of it can be left behind
// there, however it ends, and on many machines no privilege is needed. Where the kernel allows neither, the suite runs
// outside, in its weaker form.
func TestMain(m *testing.M) {
	if _, inside := os.LookupEnv(insideVar); inside {
		os.Exit(m.Run())
	}
	binary, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(enter(binary))
}

// build leaves the binary in a folder that git ignores, so that the next run has little to do.
func build() (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "faults", "picket"))
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", path, "picket/cmd/picket").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building picket: %w\n%s", err, out)
	}
	return path, nil
}

// enter runs this program again, inside as much as this machine allows, and gives its exit code.
func enter(binary string) int {
	lacking := probe()
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), binaryVar+"="+binary, insideVar+"="+lacking)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if lacking == "" {
		again.SysProcAttr = namespaces()
	}
	var exit *exec.ExitError
	switch err := again.Run(); {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		fmt.Fprintln(os.Stderr, "starting the suite inside:", err)
		return 1
	}
}

// namespaces are a network and mounts of one's own; for those who are not root, together with a user namespace in
// which they are.
func namespaces() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Pdeathsig:    syscall.SIGKILL,
		Cloneflags:   syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS, // and nothing that is mounted inside is seen outside
	}
	if os.Geteuid() != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return a
}

// probe tries in a throw-away world what the real one needs, and tells what is not to be had; "": nothing.
func probe() string {
	try := exec.Command("/bin/sh", "-e", "-c", `
		ip link add probe type bridge
		ip link add probe0 type veth peer name probe1
		ip link set probe0 master probe
		mount -t tmpfs none /mnt`)
	try.SysProcAttr = namespaces()
	if out, err := try.CombinedOutput(); err != nil {
		return strings.TrimSpace(fmt.Sprintf("no namespaces here: %v %s", err, out))
	}
	return ""
}
