package http1

import "io"

// Pass passes on what has come of a short body, and what the kernel can move by itself of a long one.
func (w *response) Pass(from Body, came func()) (int64, error) {
	b, ok := from.(*answerBody)
	if ok && b.here() && w.wants(b.left) {
		return w.passHere(b, came)
	}
	if !ok || !b.passes() || !w.takes(b.left) {
		return 0, nil
	}
	in := &b.upstream.input
	first := int64(len(in.held()))
	if first > 0 {
		came()
		if _, err := w.Write(in.held()); err != nil {
			return 0, err
		}
		in.r, b.left = in.w, b.left-first
	}
	if err := w.Flush(); err != nil {
		return first, err
	}
	n, err := w.pass(b, came)
	return first + n, err
}

// passes tells whether the kernel can move most of the body by itself.
func (b *answerBody) passes() bool {
	in := &b.upstream.input
	return b.err == nil && b.chunks == nil && b.left >= passLeast+int64(len(in.held())) && in.plain() != nil
}

// here tells whether all that is left of the body has come.
func (b *answerBody) here() bool {
	return b.err == nil && b.chunks == nil && b.left >= 0 && int64(len(b.upstream.input.held())) >= b.left
}

// passHere passes on a body that has come.
func (w *response) passHere(b *answerBody, came func()) (int64, error) {
	came()
	in, n := &b.upstream.input, b.left
	if _, err := w.Write(in.held()[:n]); err != nil {
		return 0, err
	}
	in.r, b.left = in.r+int(n), 0
	b.end(io.EOF)
	return n, nil
}

// wants tells whether so many bytes are the rest of the response, as they are.
func (w *response) wants(left int64) bool {
	return w.err == nil && w.status != 0 && !w.finished && !w.hijacked && !w.noBody && !w.chunked && w.length == w.written+left
}

// takes tells the same of a response that the kernel can move to the client by itself.
func (w *response) takes(left int64) bool { return w.wants(left) && w.conn.input.plain() != nil }

// pass passes on until the end of a body, or until it has to be copied.
func (w *response) pass(b *answerBody, came func()) (passed int64, err error) {
	p := &passage{
		from: b.upstream.input.plain(), to: w.conn.input.plain(), bounds: w.conn.bounds, most: w.conn.out.most, life: w.life,
		pipes: &w.conn.server.buffers.pipes, came: came,
	}
	for b.left > 0 {
		n, err := p.take(b.left)
		switch {
		case err == errNoSplice:
			return passed, nil
		case err != nil:
			b.end(unexpected(err))
			return passed, nil // who reads on is told
		}
		came()
		if b.left -= n; b.left == 0 {
			b.end(io.EOF) // the connection may be used again
		}
		err = p.give()
		n -= p.inside
		if passed, w.written = passed+n, w.written+n; err != nil {
			w.fail(err)
			return passed, err
		}
	}
	return passed, nil
}
