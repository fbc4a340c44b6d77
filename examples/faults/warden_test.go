//go:build faults

package faults

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// warden stands between one process and the kernel at two places: when it waits for its disk, and when it looks at the
// wall clock. So a disk can be slow, and a clock can jump, for one process of an unchanged binary and no other.
//
// The kernel tells it of these system calls alone (seccomp, user notification). The clock is usually read without any,
// from memory that the kernel shares with all (the vDSO); a process under a warden is started as if there were none.
type warden struct {
	delay atomic.Int64 // nanoseconds that every fsync takes longer
	shift atomic.Int64 // nanoseconds that the wall clock is ahead
}

// guard has the calling thread, and what it starts, tell the file that it gives of every such call.
func (*warden) guard() (calls *os.File, err error) {
	const load, equal, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const number, firstArgument = 0, 16 // offsets in struct seccomp_data
	program := []unix.SockFilter{
		{Code: load, K: number},
		{Code: equal, K: unix.SYS_FSYNC, Jt: 5},
		{Code: equal, K: unix.SYS_FDATASYNC, Jt: 4},
		{Code: equal, K: unix.SYS_CLOCK_GETTIME, Jf: 2},
		{Code: load, K: firstArgument},
		{Code: equal, K: unix.CLOCK_REALTIME, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: answer, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("giving up new privileges: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return nil, fmt.Errorf("asking to be told of system calls: %w", errno)
	}
	return os.NewFile(fd, "seccomp"), nil
}

// tryWarden tells why there can be none here.
func tryWarden() error {
	tried := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends, and what it is told of with it
		calls, err := (&warden{}).guard()
		if err == nil {
			err = calls.Close()
		}
		tried <- err
	}()
	return <-tried
}

// call is struct seccomp_notif, reply struct seccomp_notif_resp.
type (
	call struct {
		id    uint64
		pid   uint32
		_     uint32
		nr    int32
		_     uint32
		_     uint64
		first [6]uint64
	}
	reply struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

// serve answers calls until nobody is left who could make one.
func (w *warden) serve(calls *os.File) {
	defer func() { _ = calls.Close() }() // nothing to lose
	for {
		poll := []unix.PollFd{{Fd: int32(calls.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, -1); n == 0 || err == unix.EINTR {
			continue
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			return
		}
		var c call
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, calls.Fd(), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&c))); errno != 0 {
			continue // whoever called is dead
		}
		r := reply{id: c.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if c.nr == unix.SYS_CLOCK_GETTIME {
			w.tellTime(c, &r)
		}
		if delay := time.Duration(w.delay.Load()); delay > 0 && c.nr != unix.SYS_CLOCK_GETTIME {
			time.AfterFunc(delay, func() { r.send(calls) })
			continue
		}
		r.send(calls)
	}
}

// send lets the call go on, or return. Whoever made it may be dead.
func (r *reply) send(calls *os.File) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, calls.Fd(), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(r)))
}

// tellTime answers instead of the kernel where the clock is shifted.
func (w *warden) tellTime(c call, r *reply) {
	shift := w.shift.Load()
	if shift == 0 {
		return
	}
	now := time.Now().UnixNano() + shift
	var text [16]byte // struct timespec
	binary.NativeEndian.PutUint64(text[:8], uint64(now/1e9))
	binary.NativeEndian.PutUint64(text[8:], uint64(now%1e9))
	local := []unix.Iovec{{Base: &text[0], Len: uint64(len(text))}}
	remote := []unix.RemoteIovec{{Base: uintptr(c.first[1]), Len: len(text)}}
	if _, err := unix.ProcessVMWritev(int(c.pid), local, remote, 0); err == nil {
		r.flags = 0
	}
}

// Entries of the auxiliary vector, by which the kernel tells a program what it has.
const (
	auxEnd    = 0
	auxIgnore = 1
	auxVDSO   = 33
)

// release lets a process go that has been started under ptrace and stands at its first instruction, and takes from it
// what it would read the clock by.
func release(pid int) error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	if err := hideVDSO(pid); err != nil {
		return err
	}
	if err := unix.PtraceDetach(pid); err != nil {
		return fmt.Errorf("letting go: %w", err)
	}
	return nil
}

func hideVDSO(pid int) error {
	at, err := stackOf(pid)
	if err != nil {
		return err
	}
	const word = 8
	read := func() (v uint64, err error) {
		var b [word]byte
		_, err = unix.PtracePeekData(pid, at, b[:])
		at += word
		return binary.NativeEndian.Uint64(b[:]), err
	}
	count, err := read()
	if err != nil {
		return fmt.Errorf("reading the stack: %w", err)
	}
	at += uintptr(count+1) * word // the arguments, and zero
	for v := uint64(1); v != 0; { // the environment, and zero
		if v, err = read(); err != nil {
			return fmt.Errorf("reading the environment: %w", err)
		}
	}
	for {
		kind, err := read()
		if err != nil || kind == auxEnd {
			return err
		}
		if kind == auxVDSO {
			var b [word]byte
			binary.NativeEndian.PutUint64(b[:], auxIgnore)
			_, err := unix.PtracePokeData(pid, at-word, b[:])
			return err
		}
		at += word
	}
}

// stackOf is where the stack of a process that has just been started begins: /proc/PID/stat, field 28 (proc(5)).
func stackOf(pid int) (uintptr, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the name, which is field 2
	fields := strings.Fields(rest)
	if len(fields) < 26 {
		return 0, fmt.Errorf("no start of the stack in %q", text)
	}
	at, err := strconv.ParseUint(fields[25], 10, 64)
	return uintptr(at), err
}
