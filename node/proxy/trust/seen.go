package trust

import (
	"crypto/x509"
	"runtime"
	"sync"
	"weak"
)

// seen keeps verdicts as long as the connections that they are about. A connection is known by the memory in which its chain
// stands, which all copies of its tls.ConnectionState share: over HTTP/1.1, HTTP/2 and HTTP/3 alike.
type seen struct {
	mu sync.Mutex
	by map[connection]*Verdict // guarded by mu
}

type connection = weak.Pointer[*x509.Certificate]

func (s *seen) get(chain []*x509.Certificate) *Verdict {
	key := weak.Make(&chain[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[key]
}

// put keeps a verdict, in the place of an earlier one.
func (s *seen) put(chain []*x509.Certificate, v *Verdict) {
	key := weak.Make(&chain[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[connection]*Verdict{}
	}
	if s.by[key] == nil {
		self := weak.Make(s) // a connection outlives the rules that it was judged by, and must not keep them
		runtime.AddCleanup(&chain[0], func(key connection) { self.Value().forget(key) }, key)
	}
	s.by[key] = v
}

// forget forgets a verdict whose connection is gone. When s is gone itself, it is nil.
func (s *seen) forget(key connection) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, key)
}
