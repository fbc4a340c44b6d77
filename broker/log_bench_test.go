package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// decisionsOf are entries like records of decisions: of so many users, each asking for several pages.
func decisionsOf(users int) (all [][]byte) {
	now := time.Now()
	for i := range 4096 {
		var id [16]byte
		_, _ = rand.Read(id[:])
		at := now.Add(time.Duration(i) * 50 * time.Microsecond).UTC().Format(time.RFC3339Nano)
		user := fmt.Sprintf("%016x", uint64(i%users)*0x9e3779b97f4a7c15)
		all = append(all, fmt.Appendf(nil, `{"at":%q,"node":"n1","request_id":%q,"route":"wiki","policies":["staff"],"access":"policy",`+
			`"decision":{"outcome":"allow","policy":"staff","rule":"staff"},"input":{"authenticated":true,"now":%q,"data":{},"user":{"id":%q,`+
			`"email":"%s@example.com","email_verified":true,"name":"User %s","groups":["everyone","staff","team-%d"],"claims":{"locale":"en","sub":%q},`+
			`"identity":"corp"},"session":{"id":%q,"begun":"2026-03-04T05:06:07Z","authenticated":"2026-03-04T05:06:07Z","identity":"corp"},`+
			`"request":{"method":"GET","host":"wiki.example.com","path":"/docs/page-%d","headers":{},"ip":"10.1.2.%d","scheme":"https",`+
			`"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}}}`,
			at, hex.EncodeToString(id[:]), at, user, user[:8], user[8:], i%users%7, user, user+user[:6], i%100, i%users%256))
	}
	return all
}

// inParts are entries, of which what is told of the user and the session is a text that those of one user have in common.
func inParts(entries [][]byte) (all [][][]byte) {
	texts := map[string][]byte{}
	for _, entry := range entries {
		from, to := bytes.Index(entry, []byte(`,"user":`)), bytes.Index(entry, []byte(`,"request":`))
		text := entry[from:to]
		if known := texts[string(text)]; known != nil {
			text = known
		}
		texts[string(text)] = text
		all = append(all, [][]byte{entry[:from], text, entry[to:]})
	}
	return all
}

// BenchmarkLog is what an entry costs the whole process, from appending it to its being stored: in a store in memory,
// and in one on disk.
func BenchmarkLog(b *testing.B) {
	for name, o := range map[string]Options{"memory": {}, "disk": {Store: b.TempDir(), Sync: time.Minute}} {
		broker := start(b, o)
		log, err := OpenLog[json.RawMessage](b.Context(), broker, LogSpec{Name: "decisions", Keep: time.Hour, Limit: 64 << 20})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- log.Run(ctx) }()
		for _, users := range []int{1, 100, 4096} {
			entries := inParts(decisionsOf(users))
			b.Run(fmt.Sprintf("%s/users=%d", name, users), func(b *testing.B) { appendTo(b, log, entries) })
		}
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}

// appendTo appends entries, no faster than they are written.
func appendTo(b *testing.B, log *Log[json.RawMessage], entries [][][]byte) {
	var before, after syscall.Rusage
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes.Join(entries[0], nil))))
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for i := range b.N {
		if i%logBatch == 0 {
			for log.waiting() > 2*logBatch {
				time.Sleep(100 * time.Microsecond)
			}
		}
		if !log.AppendParts(entries[i%len(entries)]) {
			b.Fatal("dropped")
		}
	}
	for log.waiting() > 0 {
		time.Sleep(time.Millisecond)
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
}

// waiting is how many entries are queued.
func (l *Log[T]) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued
}
