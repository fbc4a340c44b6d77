package policy

import (
	"sync/atomic"
	"time"
)

// instants writes times. Most are of the second of the one before, whose text is kept. The zero instants is ready.
type instants struct{ last atomic.Pointer[second] }

// second is a second since 1970, and its text without an end.
type second struct {
	unix int64
	text [len("2006-01-02T15:04:05")]byte
}

// append writes a time as time.RFC3339Nano does, in UTC.
func (i *instants) append(dst []byte, when time.Time) []byte {
	unix := when.Unix()
	s := i.last.Load()
	if s == nil || s.unix != unix {
		if !writable(when) {
			return when.UTC().AppendFormat(dst, time.RFC3339Nano)
		}
		s = &second{unix: unix}
		when.UTC().AppendFormat(s.text[:0], "2006-01-02T15:04:05")
		i.last.Store(s)
	}
	return append(appendFraction(append(dst, s.text[:]...), when.Nanosecond()), 'Z')
}

// appendFraction writes billionths of a second, without zeros at the end.
func appendFraction(dst []byte, nanos int) []byte {
	if nanos == 0 {
		return dst
	}
	var digits [9]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	last := len(digits)
	for digits[last-1] == '0' {
		last--
	}
	return append(append(dst, '.'), digits[:last]...)
}
