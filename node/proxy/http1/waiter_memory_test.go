//go:build !race

package http1

import (
	"io"
	"net"
	"testing"
)

func TestAWaiterHoldsNoRoom(t *testing.T) {
	const waiters = 200
	var rooms Rooms
	var all []net.Conn
	wait := func() {
		one, other := joined(t)
		all = append(all, one, other)
		came := make(chan struct{}, 1)
		go func() { _, _ = NewWaiter(other, &rooms).Copy(io.Discard, func() { came <- struct{}{} }) }()
		if _, err := io.WriteString(one, "something"); err != nil {
			t.Fatal(err)
		}
		<-came
	}
	wait()
	before := inUse()
	for range waiters {
		wait()
	}
	within(t, "waiters take little memory", func() bool {
		each := (inUse() - before) / waiters
		t.Logf("%d B for each", each)
		return each <= 6<<10 // two connections and a goroutine; the least room is 8 KiB
	})
	for _, conn := range all {
		_ = conn.Close()
	}
}
