package http1

import (
	"errors"
	"runtime"
	"sync"
)

const (
	// pipeBytes is how much of a body is between two sockets at once.
	pipeBytes = 256 << 10
	// shortPipe is of what length Linux makes pipes where nothing else is said. When a user has too many they are shorter, and not
	// worth it.
	shortPipe = 64 << 10
	// mostPipes is how many are open at once: Linux lets a user have 64 MiB in pipes before it makes them short, and each takes two
	// descriptors. Bodies beyond them are copied.
	mostPipes = 128
	// keptPipes is how many of them stay open while nobody needs them.
	keptPipes = 16
)

// errNoSplice says that there is no pipe to be had, or that the kernel does not move bytes between these two.
var errNoSplice = errors.New("http1: the bytes are to be copied")

// ends are the descriptors of a pipe: what is moved into the one is moved out of the other.
type ends struct{ in, out int }

// pipe is one that is lent. It closes itself when it is forgotten.
type pipe struct {
	ends
	forgotten runtime.Cleanup
}

// pipes lends pipes through which the kernel moves bytes from socket to socket.
type pipes struct {
	mu   sync.Mutex
	free []*pipe // guarded by mu
	lent int     // guarded by mu
}

// get lends an empty pipe; nil: there is none to be had.
func (p *pipes) get() *pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent == mostPipes {
		return nil
	}
	if last := len(p.free) - 1; last >= 0 {
		lent := p.free[last]
		p.free, p.lent = p.free[:last], p.lent+1
		return lent
	}
	made, err := openPipe()
	if err != nil { // the body is copied
		return nil
	}
	lent := &pipe{ends: made}
	lent.forgotten = runtime.AddCleanup(lent, ends.close, made)
	p.lent++
	return lent
}

// put takes a pipe back. One that is not empty is closed: what is in it would come into another body.
func (p *pipes) put(back *pipe, empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent--
	if empty && len(p.free) < keptPipes {
		p.free = append(p.free, back)
		return
	}
	back.forgotten.Stop()
	back.close()
}
