package http1

import (
	"io"
	"time"
)

// passLeast is from how many bytes on a body is passed by the kernel: what is shorter comes in one read.
const passLeast = 16 << 10

// passStep is how many bytes a peer has to take within the time for it.
const passStep = 32 << 10

// Passer is a Client that can have the kernel pass a body on from socket to socket, so that its bytes are not copied through this
// process. That is so of long bodies of a known length, both sides without TLS. One that has come whole it takes as it is.
type Passer interface {
	// Pass passes on what of a body of an Answer it can, from where reading it has come to, and tells how many bytes that was:
	// reading goes on behind them, and tells how the body ends. came is called each time that something came, or
	// was taken by the client. The error is of writing.
	Pass(body Body, came func()) (int64, error)
}

// passage moves bytes from one socket to another. What waits for more holds no pipe.
type passage struct {
	from, to *socket
	bounds   *limits       // of to
	most     time.Duration // for the peer to take passStep; 0: without end
	life     *Life         // its end is the end of the passage
	pipes    *pipes
	came     func() // is called each time that to took passStep

	wanted int64 // bytes, at most
	pipe   *pipe // nil: nothing is under way
	inside int64 // bytes in the pipe
	taken  int64 // of the present step
	err    error // of the last step
}

// take moves at most so many bytes into the pipe, at least one, and waits for it. errNoSplice: it took nothing, and never can; io.EOF:
// there is an end.
func (p *passage) take(most int64) (int64, error) {
	p.wanted = most
	err := p.from.raw.Read(p.fill)
	switch {
	case p.inside > 0:
		return p.inside, nil
	case err != nil:
		return 0, err
	case p.err == nil:
		return 0, io.EOF
	}
	return 0, p.err
}

func (p *passage) fill(socket uintptr) bool {
	if p.pipe = p.pipes.get(); p.pipe == nil {
		p.err = errNoSplice
		return true
	}
	p.inside, p.err = splice(int(socket), p.pipe.in, p.wanted)
	if p.inside == 0 {
		p.release()
	}
	return p.err != errNothingYet
}

// give moves what is in the pipe out of it, and waits until there is room for it. inside is then what could not be moved.
func (p *passage) give() error {
	defer p.release()
	p.taken = 0
	p.bounds.writing(p.most)
	err := p.to.raw.Write(p.empty)
	p.bounds.writing(0)
	if err != nil {
		return err
	}
	if p.err == errNoSplice {
		p.err = p.copyOut()
	}
	return p.err
}

// copyOut is for what the kernel moved into the pipe, and does not move out of it.
func (p *passage) copyOut() error {
	held := make([]byte, min(p.inside, passStep))
	for p.inside > 0 {
		n, err := p.pipe.read(held[:min(p.inside, passStep)])
		if err != nil {
			return err
		}
		if _, err = p.bounds.Write(held[:n], p.most); err != nil {
			return err
		}
		p.inside -= int64(n)
		if p.came != nil {
			p.came()
		}
	}
	return nil
}

func (p *passage) empty(socket uintptr) bool {
	for p.inside > 0 {
		if p.err = p.life.Err(); p.err != nil { // also when there was no room until now
			return true
		}
		n, err := splice(p.pipe.out, int(socket), p.inside)
		if err == errNothingYet {
			return false
		}
		if p.err = err; err != nil {
			return true
		}
		p.inside -= n
		if p.came != nil {
			p.came()
		}
		if p.taken += n; p.taken >= passStep {
			p.taken = 0
			p.bounds.writing(p.most)
		}
	}
	return true
}

// release gives the pipe back.
func (p *passage) release() {
	if p.pipe != nil {
		p.pipes.put(p.pipe, p.inside == 0)
		p.pipe = nil
	}
}

// plain is the socket that bytes can be moved from or to as they are; nil: they cannot, as with TLS.
func (in *input) plain() *socket {
	if in.below != nil {
		return nil
	}
	return in.socket
}
