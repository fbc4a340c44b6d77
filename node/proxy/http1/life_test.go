package http1

import (
	"context"
	"errors"
	"testing"
	"time"
)

// closed counts.
type closed struct{ times int }

func (c *closed) Close() error { c.times++; return nil }

func TestALifeEndsOnceForOneReason(t *testing.T) {
	var l Life
	held, cut := &closed{}, errors.New("cut")
	if l.Err() != nil || l.Cause() != nil || !l.Hold(held) {
		t.Fatal("it has ended before it began")
	}
	done := l.Done()
	if !l.End(cut) || l.End(ErrClientGone) {
		t.Error("the first reason is not the one that counts")
	}
	<-done
	<-l.Done()
	if l.Cause() != cut || !errors.Is(l.Err(), context.Canceled) || held.times != 1 {
		t.Errorf("%v, %v, closed %d times", l.Cause(), l.Err(), held.times)
	}
	if l.Hold(held) || l.LetGo() {
		t.Error("what is held after the end would never be closed")
	}
}

func TestWhatWasLetGoIsNotClosed(t *testing.T) {
	var l Life
	held := &closed{}
	l.Hold(held)
	if !l.LetGo() {
		t.Error("it has ended")
	}
	l.Over()
	if held.times != 0 || l.Cause() != nil || l.Err() == nil {
		t.Errorf("closed %d times, %v, %v", held.times, l.Cause(), l.Err())
	}
}

func TestContextsMadeOfALifeEndWithIt(t *testing.T) {
	var l Life
	child, cancel := context.WithTimeout(&l, time.Hour)
	defer cancel()
	stopped, called := false, make(chan struct{})
	stop := context.AfterFunc(&l, func() { stopped = true })
	context.AfterFunc(&l, func() { close(called) })
	if !stop() || stop() {
		t.Error("it was not stopped, once")
	}
	l.End(ErrClientGone)
	<-child.Done()
	<-called
	late := make(chan struct{})
	if context.AfterFunc(&l, func() { close(late) })() {
		t.Error("what comes after the end is stopped")
	}
	<-late
	if stopped {
		t.Error("what was stopped is called")
	}
}

func TestWhoComesAfterTheEndOfALifeMayHoldIt(t *testing.T) {
	var l Life
	l.Over()
	called := make(chan struct{})
	l.AfterFunc(func() { close(called) })
	if !l.Kept() {
		t.Error("it is used again before what was to be called at its end is")
	}
	<-called
}
