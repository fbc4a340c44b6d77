package http2

import (
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// What a client may do on one connection. A browser that leaves a page with all its streams open, and a program that measures
// the line by pings, stay far below.
const (
	resets        = 500  // streams that are reset, by the client or because of what it sent
	resetRate     = 100  // more of them a second
	controls      = 1000 // frames that carry nothing: settings, pings, priorities, window updates, empty data, data for nobody
	controlRate   = 200  // more of them a second
	controlEarned = 4    // more of them for each frame that it was sent with an answer, or the end of what was written of it
	earningPiece  = 1024 // bytes that such a frame has at least, if not the end
)

// take does what a frame asks for.
func (c *conn) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.ContinuationFrame:
		return c.takeContinuation(f)
	case *http2.DataFrame:
		return c.takeData(f)
	case *http2.PushPromiseFrame:
		return wrong(http2.ErrCodeProtocol, "a client promises nothing")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if reset, ok := f.(*http2.RSTStreamFrame); ok {
		return c.takeReset(reset)
	}
	if acknowledges(f) {
		return c.takeAcknowledgement(f)
	}
	if err := c.spendControl(); err != nil {
		return err
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.takeSettings(f)
	case *http2.PingFrame:
		return c.answer(func(b []byte) []byte {
			return append(appendFrame(b, http2.FramePing, http2.FlagPingAck, 0, len(f.Data)), f.Data[:]...)
		})
	case *http2.WindowUpdateFrame:
		return c.takeWindow(f)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
	}
	return nil // of no known type, or of no meaning here (RFC 9113, section 5.5)
}

// spendControl is an error when there were too many frames that carry nothing. c.mu is held.
func (c *conn) spendControl() error {
	if !c.controls.spend(time.Now()) {
		return calm("too many frames that carry nothing")
	}
	return nil
}

// spendReset is an error when too many streams were reset. c.mu is held.
func (c *conn) spendReset() error {
	if !c.resets.spend(time.Now()) {
		return calm("too many resets")
	}
	return nil
}

func acknowledges(f http2.Frame) bool {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return f.IsAck()
	case *http2.PingFrame:
		return f.IsAck()
	}
	return false
}

// takeAcknowledgement takes what was asked for; what was not costs. c.mu is held.
func (c *conn) takeAcknowledgement(f http2.Frame) error {
	ping, ok := f.(*http2.PingFrame)
	if ok && c.leaving.by > 0 && ping.Data == leavePing {
		c.lastCall()
		return nil
	}
	if !ok && !c.acknowledged {
		c.acknowledged = true
		c.narrowWindows()
		return nil
	}
	return c.spendControl()
}

// takeSettings takes what matters of what the client says of itself. c.mu is held.
func (c *conn) takeSettings(f *http2.SettingsFrame) error {
	window := c.initial
	err := f.ForeachSetting(func(s http2.Setting) error {
		if s.ID == http2.SettingInitialWindowSize && s.Val <= mostWindow {
			window = int64(s.Val)
		}
		c.sayTable = c.sayTable || s.ID == http2.SettingHeaderTableSize
		return s.Valid()
	})
	if err == nil && window != c.initial {
		err = c.takeInitialWindow(window)
	}
	if err != nil {
		return err
	}
	return c.answer(func(b []byte) []byte { return appendFrame(b, http2.FrameSettings, http2.FlagSettingsAck, 0, 0) })
}

// takeReset ends a stream that the client does not want any more. c.mu is held, but not meanwhile.
func (c *conn) takeReset(f *http2.RSTStreamFrame) error {
	if err := c.notIdle(f.StreamID); err != nil {
		return err
	}
	if err := c.spendReset(); err != nil {
		return err
	}
	c.reset.remove(f.StreamID)
	if s := c.streams[f.StreamID]; s != nil {
		s.fail(http1.ErrClientGone)
		c.close(s)
		c.mu.Unlock()
		s.request.Life.End(http1.ErrClientGone)
		c.mu.Lock()
	}
	return nil
}

// resetStream ends a stream because of what the client sent.
func (c *conn) resetStream(why http2.StreamError) error {
	id, malformed := why.StreamID, &http1.Malformed{Status: http.StatusBadRequest, Reason: "a frame of its stream is malformed"}
	if why.Cause != nil {
		malformed.Reason = why.Cause.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.notIdle(id); err != nil {
		return err
	}
	if err := c.spendReset(); err != nil {
		return err
	}
	s := c.streams[id]
	if s == nil || !s.ended {
		c.reset.add(id)
	}
	if s != nil {
		s.fail(malformed)
		c.close(s)
		c.mu.Unlock()
		s.request.Life.End(malformed)
		c.mu.Lock()
	}
	return c.answer(func(b []byte) []byte { return appendNumber(b, http2.FrameRSTStream, id, uint32(why.Code)) })
}

// takeData brings a piece of a body to whoever reads it.
func (c *conn) takeData(f *http2.DataFrame) error {
	id, data, length := f.StreamID, f.Data(), int64(f.Length)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.notIdle(id); err != nil {
		return err
	}
	if !c.inflow.take(length) {
		return wrong(http2.ErrCodeFlowControl, "more than the window was sent")
	}
	c.giveBack(length)
	s := c.streams[id]
	if len(data) == 0 && !f.StreamEnded() || s == nil || s.ended {
		if err := c.spendControl(); err != nil {
			return err
		}
	}
	if s == nil || s.ended {
		if s == nil && c.passesOver(id) {
			if f.StreamEnded() {
				c.reset.remove(id)
			}
			return nil
		}
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
	}
	if !s.inflow.take(length) {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeFlowControl}
	}
	if err := s.add(data, f.StreamEnded()); err != nil {
		return err
	}
	if padding := int(length) - len(data); padding > 0 {
		s.giveBack(padding) // it is read at once
	}
	return nil
}
