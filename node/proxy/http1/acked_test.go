package http1

import (
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// stuffed writes to a connection until the kernel takes no more, and gives what takes a part of that out at the far end.
func stuffed(t *testing.T) (near net.Conn, take func()) {
	conn, far := sockets(t)
	for n, all := -1, 0; n != 0 || all == 0; all += n {
		if err := conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var err error
		if n, err = conn.Write(make([]byte, 1<<20)); err != nil && !os.IsTimeout(err) {
			t.Fatal(err)
		}
	}
	if err := conn.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return conn, func() {
		t.Helper()
		for before := acked(conn); acked(conn) < before+EnoughAcked; { // there is room for more when there is much
			if _, err := io.CopyN(io.Discard, far, 16<<10); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAWriteThatIsTakenSlowlyGoesOn(t *testing.T) {
	const most = int64(time.Minute)
	near, take := stuffed(t)
	l := &limits{clock: &clock{}, conn: near}
	l.write.by.Store(1 + most)
	tick := func(now int64) (by int64) {
		l.drains(now)
		return l.write.by.Load()
	}
	tick(1)
	tick(1 + most/2)
	take()
	if by := tick(1 + most); by != 1+2*most {
		t.Fatalf("the peer took much, and the write has until %d", by)
	}
	take() // in the first half
	tick(1 + most*3/2)
	if by := tick(1 + 2*most); by != 1+2*most {
		t.Errorf("the peer took nothing in half of the time, and the write has until %d", by)
	}
	l.write.by.Store(0)
	if by := tick(1 + 3*most); by != 0 {
		t.Errorf("nothing is written, and has until %d", by)
	}
}
