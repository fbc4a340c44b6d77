package http2

import (
	"errors"
	"testing"

	"picket/node/proxy/http1"
)

func TestAStreamThatSomebodyMayHoldIsNotUsedAgain(t *testing.T) {
	for what, change := range map[string]func(s *Stream, well *bool){
		"one that was reset":                  func(_ *Stream, well *bool) { *well = false },
		"one whose response broke off":        func(s *Stream, _ *bool) { s.finished = false },
		"one that the client had not ended":   func(s *Stream, _ *bool) { s.whole = false },
		"one with a body":                     func(s *Stream, _ *bool) { s.request.Body = s },
		"one whose request somebody keeps":    func(s *Stream, _ *bool) { s.request.Life.Keep() },
		"one whose end somebody waits for":    func(s *Stream, _ *bool) { s.request.Life.Done() },
		"one whose end somebody is called at": func(s *Stream, _ *bool) { s.request.Life.AfterFunc(func() {}) },
	} {
		var p streams
		s, well := &Stream{finished: true, whole: true}, true
		change(s, &well)
		if p.put(s, well); p.get() == s {
			t.Errorf("%s is used again", what)
		}
	}
}

// TestWhatIsUsedAgainRemembersNothing: whoever asks next hears nothing of the one before.
func TestWhatIsUsedAgainRemembersNothing(t *testing.T) {
	var p streams
	s := &Stream{finished: true, whole: true, status: 200, id: 7, err: errors.New("over")}
	s.request.Head = http1.Head{Method: "GET", Host: "a", Fields: http1.Fields{http1.NewField("cookie", "secret")}}
	s.request.Life.Over()
	fields := s.request.Fields
	p.put(s, true)
	if s.status != 0 || s.id != 0 || s.err != nil || s.finished || s.request.Method != "" || s.request.Host != "" || len(s.request.Fields) != 0 ||
		s.request.Life.Err() != nil {
		t.Errorf("%+v", s)
	}
	if fields[0] != (http1.Field{}) {
		t.Errorf("%+v is left", fields)
	}
}
