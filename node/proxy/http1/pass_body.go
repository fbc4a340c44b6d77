package http1

import "io"

// Around is a Body around another that a Server has read. It does not want the bytes, but has to know of them.
type Around interface {
	Body
	// Inner is that other one.
	Inner() Body
	// Past calls read, which reads bytes from the other past this one, and gives what this one makes of it.
	Past(read func() (int64, error)) (int64, error)
	// Taken is called each time that some of it was taken by whoever it is for, however little.
	Taken()
}

// passBody passes on what the kernel can move by itself of a body that has so many bytes to come, and tells how many are left.
func (u *upstream) passBody(q *Question, left int64) (int64, error) {
	around, ok := q.Body.(Around)
	if !ok || left < passLeast || u.input.plain() == nil {
		return left, nil
	}
	b, ok := around.Inner().(*body)
	if !ok || !b.passes(left) {
		return left, nil
	}
	p := &passage{from: b.in.plain(), to: u.input.plain(), bounds: u.bounds, most: u.out.most, life: q.Life, pipes: &b.in.buffers.pipes, came: around.Taken}
	take := func() (int64, error) { return b.take(p) }
	for left > 0 {
		n, err := around.Past(take)
		switch {
		case err != nil:
			p.release()
			return left, err
		case n == 0:
			return left, nil
		}
		if left -= n; left == 0 {
			u.ending.Store(true)
		}
		if err := p.give(); err != nil {
			u.out.broken = true
			return left, err
		}
	}
	return 0, nil
}

// passes tells whether the kernel can move so many bytes by itself, and these are the rest.
func (b *body) passes(left int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed.Load() && b.err == nil && !b.chunked && b.left == left && len(b.in.held()) == 0 && b.in.plain() != nil
}

// take is Read for a passage. Nothing without an error: the rest is to be copied.
func (b *body) take(p *passage) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, errBodyClosed
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.err = b.goOn.say(); b.err != nil {
		return 0, b.err
	}
	n, err := p.take(b.left)
	switch {
	case err == errNoSplice:
		return 0, nil
	case err != nil:
		return 0, b.end(unexpected(err))
	}
	if b.left -= n; b.left == 0 {
		_ = b.end(io.EOF)
	}
	return n, nil
}
