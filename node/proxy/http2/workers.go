package http2

import "sync"

// idleWorkers is how many goroutines wait for something to do, of one server. A goroutine that has served a request has the stack
// for the next.
const idleWorkers = 64

// job is what a worker does.
type job interface{ do() }

// workers are goroutines that are used again. The zero workers is ready.
type workers struct {
	mu     sync.Mutex
	idle   []chan job // guarded by mu: the last was busy last
	closed bool       // guarded by mu: none waits any more
}

// give has a job done, soon.
func (w *workers) give(j job) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		free := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		free <- j
		return
	}
	w.mu.Unlock()
	go w.work(j)
}

func (w *workers) work(j job) {
	for next := make(chan job, 1); j != nil; j = <-next {
		j.do()
		if !w.rest(next) {
			return
		}
	}
}

// rest adds one to those that wait, if there is room.
func (w *workers) rest(next chan job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= idleWorkers {
		return false
	}
	w.idle = append(w.idle, next)
	return true
}

// close lets those that wait end, and the others when they are done.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}
