package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"
)

// frame is an unmasked binary frame with n bytes of payload.
func frame(n int) []byte {
	b := []byte{0x82}
	switch {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, bytes.Repeat([]byte{'x'}, n)...)
}

func TestACloseFrameStandsBetweenFrames(t *testing.T) {
	goodbye := closeFrame(closePolicy, "over")
	for _, size := range []int{0, 1, 125, 126, 70_000} {
		whole := frame(size)
		for _, split := range []int{1, 2, 3, len(whole) / 2, len(whole) - 1} {
			if split <= 0 || split >= len(whole) {
				continue
			}
			var out bytes.Buffer
			f := newFrames(&out)
			if _, err := f.Write(append(frame(3), whole[:split]...)); err != nil {
				t.Fatal(err)
			}
			told := make(chan struct{})
			go func() { defer close(told); f.close(closePolicy, "over", time.Minute) }()
			for !f.isClosing() {
				runtime.Gosched()
			}
			_, err := f.Write(append(whole[split:], frame(9)...))
			<-told
			want := append(append(frame(3), whole...), goodbye...)
			if !errors.Is(err, errClosing) || !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("a frame of %d split at %d: %v, %d bytes, want %d", size, split, err, out.Len(), len(want))
			}
		}
	}
}

func (f *frames) isClosing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closing != nil
}

func TestACloseFrameIsSentAtOnceBetweenFrames(t *testing.T) {
	var out bytes.Buffer
	f := newFrames(&out)
	_, _ = f.Write(frame(5))
	f.close(closeGoingAway, "bye", time.Minute)
	if want := append(frame(5), 0x88, 5, 0x03, 0xe9, 'b', 'y', 'e'); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("got %x, want %x", out.Bytes(), want)
	}
	if _, err := f.Write(frame(1)); !errors.Is(err, errClosing) {
		t.Errorf("a frame after the end: %v", err)
	}
}

func TestAFrameThatNeverEndsIsNotWaitedFor(t *testing.T) {
	var out bytes.Buffer
	f := newFrames(&out)
	_, _ = f.Write(frame(5)[:4])
	f.close(closePolicy, "over", time.Millisecond)
	if _, err := f.Write(frame(5)[4:]); !errors.Is(err, errClosing) || out.Len() != 4 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(frame(3), frame(200)...), uint8(2))
	f.Add([]byte{0x81, 0x83, 1, 2, 3, 4, 'a', 'b', 'c'}, uint8(5))
	f.Add([]byte{0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, 0}, uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		at := func(step int) (r frameReader) { // the state must not depend on how the bytes come
			for rest := stream; len(rest) > 0; {
				piece := rest[:min(step, len(rest))]
				n := r.read(piece)
				if n < 1 || n > len(piece) {
					t.Fatalf("took %d of %d", n, len(piece))
				}
				rest = rest[n:]
			}
			return r
		}
		if a, b := at(1), at(int(step)+1); a != b {
			t.Fatalf("%+v, %+v", a, b)
		}
	})
}
