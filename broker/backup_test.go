package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// kept are buckets of every kind.
var keptSpecs = []Spec{
	{Name: "sessions", Decides: true, Unique: true}, {Name: "tokens", Sealed: true}, {Name: "users", Decides: true},
	{Name: "data-oncall", Decides: true, Open: true}, {Name: "keys", Sealed: true, Own: true}, {Name: "once", Passing: true},
}

// inTime is a lifetime for what is to be there still after some work: it is several times what the test took until now, since
// it began with work of the kind.
func inTime(begun time.Time) time.Duration {
	return (4*time.Second + 4*time.Since(begun)).Truncate(time.Second)
}

type opened struct {
	*Broker
	ctx     context.Context // of calls
	buckets map[string]*Bucket[note]
}

func openAll(t testing.TB, o Options, specs ...Spec) opened {
	t.Helper()
	b := opened{start(t, o), unhurried(t), map[string]*Bucket[note]{}}
	if specs == nil {
		specs = keptSpecs
	}
	for _, s := range specs {
		b.buckets[s.Name] = open(t, b.Broker, s)
	}
	return b
}

func (b opened) put(t testing.TB, bucket, key, text string, ttl time.Duration) {
	t.Helper()
	if _, err := b.buckets[bucket].Put(b.ctx, key, note{text}, ttl); err != nil {
		t.Fatal(err)
	}
}

// all is every record, as BUCKET KEY=TEXT.
func (b opened) all(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, bucket := range b.buckets {
		for e, err := range bucket.List(b.ctx) {
			if err != nil {
				t.Fatal(err)
			}
			found[name+" "+e.Key] = e.Value.Text
		}
	}
	return found
}

func (b opened) backup(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := b.Backup(b.ctx, &file, "v1"); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func (b opened) restore(t testing.TB, file []byte, o RestoreOptions) RestoreSummary {
	t.Helper()
	sum, err := b.Restore(b.ctx, bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (s RestoreSummary) of(bucket string) BucketRestored {
	for _, b := range s.Buckets {
		if b.Name == bucket {
			return b
		}
	}
	return BucketRestored{}
}

func TestABackupIsRestoredIntoAnEmptyCluster(t *testing.T) {
	from := openAll(t, Options{})
	for i := range 700 {
		from.put(t, "sessions", fmt.Sprintf("s%d", i), strings.Repeat("s", 1000), time.Hour)
	}
	from.put(t, "tokens", "s1", "refresh token", time.Hour)
	from.put(t, "users", "alice", "Alice", 0)
	from.put(t, "data-oncall", "alice=40example.com", "true", 0)
	from.put(t, "keys", "assertion", "the old cluster's", 0)
	from.put(t, "once", "spent", "of the moment", time.Hour)
	from.put(t, "users", "gone", "removed before", 0)
	if err := from.buckets["users"].Delete(from.ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	file := from.backup(t)
	for _, secret := range []string{"refresh token", "alice", "Alice", "assertion"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the file shows %q", secret)
		}
	}

	into := openAll(t, Options{})
	into.put(t, "keys", "assertion", "made at the start", 0)
	live := NewLive(into.buckets["data-oncall"])
	if err := live.Load(into.ctx); err != nil {
		t.Fatal(err)
	}
	cache := NewCache(into.buckets["sessions"], 1000)
	if _, err := cache.Get(into.ctx, "s1"); !errors.Is(err, ErrNotFound) {
		t.Fatal("not empty", err)
	}
	told := 0
	sum := into.restore(t, file, RestoreOptions{Progress: func(done, total int) { told = total - done }})
	want := from.all(t)
	want["keys assertion"] = "made at the start"
	delete(want, "once spent")
	if got := into.all(t); !maps.Equal(got, want) {
		t.Errorf("%d records, want %d: %+v", len(got), len(want), sum)
	}
	if sum.Records != 703 || sum.of("sessions").Restored != 700 || sum.of("keys").Present != 1 || sum.Cluster != "test" || told != 0 {
		t.Errorf("%+v, %d", sum, told)
	}
	eventually(t, "a view sees what is restored", func() bool { return len(live.All()) == 1 })
	eventually(t, "a cache that knew a session to be absent finds it", func() bool {
		_, err := cache.Get(into.ctx, "s1")
		return err == nil
	})
}

func TestWhatWasRemovedForGoodDoesNotComeBack(t *testing.T) {
	b := openAll(t, Options{})
	b.put(t, "sessions", "revoked", "x", 14*time.Hour)
	b.put(t, "sessions", "removed", "x", 14*time.Hour)
	file := b.backup(t)
	sessions := b.buckets["sessions"]
	if err := errors.Join(sessions.DeleteFor(b.ctx, "revoked", 14*time.Hour), sessions.Delete(b.ctx, "removed")); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"revoked": "14h0m0s", "removed": "1h0m0s"} {
		mark, _ := confirm(t, sessions, key)
		if got := mark.header.Get(jetstream.MsgTTLHeader); got != want {
			t.Errorf("that %s is gone is remembered for %s, want %s", key, got, want)
		}
	}
	if sum := b.restore(t, file, RestoreOptions{Force: true}); sum.Records != 0 || sum.of("sessions").Removed != 2 {
		t.Errorf("restored: %+v", sum)
	}
}

func TestARestoredRecordHasTheTimeThatItHadLeft(t *testing.T) {
	t.Parallel() // it mostly waits
	begun := time.Now()
	from := openAll(t, Options{})
	from.put(t, "sessions", "shorter", "x", inTime(begun)) // longer than the backup takes
	from.put(t, "sessions", "short", "x", 2*inTime(begun)) // and than it takes to restore
	from.put(t, "sessions", "long", "x", time.Hour)
	from.put(t, "users", "ever", "x", 0)
	file := from.backup(t)
	eventually(t, "the shorter one is over", func() bool {
		_, err := from.buckets["sessions"].Get(from.ctx, "shorter")
		return errors.Is(err, ErrNotFound)
	})
	into := openAll(t, Options{})
	if sum := into.restore(t, file, RestoreOptions{}); sum.of("sessions").Expired != 1 || sum.Records != 3 {
		t.Errorf("%+v", sum)
	}
	eventually(t, "the short one expires", func() bool {
		_, err := into.buckets["sessions"].Get(into.ctx, "short")
		return errors.Is(err, ErrNotFound)
	})
	for msg, err := range into.buckets["sessions"].raw.list(into.ctx) {
		if err != nil {
			t.Fatal(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		expires, err := expiry(msg.Headers(), meta.Timestamp)
		if left := time.Until(expires); strings.HasSuffix(msg.Subject(), ".long") && (err != nil || left > time.Hour || left < 59*time.Minute) {
			t.Errorf("the long one has %s left, %v", left, err)
		}
	}
}

func TestARestoreLeavesWhatTheClusterHas(t *testing.T) {
	b := openAll(t, Options{})
	b.put(t, "users", "alice", "before", 0)
	b.put(t, "sessions", "revoked", "x", time.Hour)
	b.put(t, "sessions", "kept", "x", time.Hour)
	file := b.backup(t)
	b.put(t, "users", "alice", "after", 0)
	b.put(t, "users", "bob", "new", 0)
	if err := b.buckets["sessions"].Delete(b.ctx, "revoked"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(b.ctx, bytes.NewReader(file), RestoreOptions{}); !errors.Is(err, ErrOccupied) {
		t.Fatalf("a cluster that is in use is restored over: %v", err)
	}
	sum := b.restore(t, file, RestoreOptions{Force: true})
	want := map[string]string{"users alice": "after", "users bob": "new", "sessions kept": "x"}
	if got := b.all(t); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if s := sum.of("sessions"); s.Removed != 1 || s.Present != 1 || sum.of("users").Present != 1 || sum.Records != 0 {
		t.Errorf("%+v", sum)
	}
}

func TestARestoreMayLeaveSessionsOut(t *testing.T) {
	from := openAll(t, Options{})
	from.put(t, "users", "alice", "x", 0)
	from.put(t, "sessions", "a", "x", time.Hour)
	file := from.backup(t)
	into := openAll(t, Options{}, keptSpecs[0], keptSpecs[2])
	sum := into.restore(t, file, RestoreOptions{Skip: func(bucket string) bool { return bucket == "sessions" }})
	if got := into.all(t); len(got) != 1 || !sum.of("sessions").Skipped || !sum.of("data-oncall").Unknown {
		t.Errorf("%v %+v", got, sum)
	}
}

func TestAFileThatIsNotGenuineAndWholeIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel() // it mostly waits
	from := openAll(t, Options{})
	for i := range 600 {
		from.put(t, "users", fmt.Sprintf("u%d", i), strings.Repeat("x", 1000), 0)
	}
	file := from.backup(t)
	elsewhere := openAll(t, Options{Secrets: [][]byte{olderSecret}})
	namesake := openAll(t, Options{Cluster: "other"})
	into := openAll(t, Options{})
	second := from.backup(t)
	head := len(archiveMagic) + archiveID
	piece := head + 4 + archivePiece + 1 + 4 + 24 + 16
	swapped := append(bytes.Clone(file[:head]), file[piece:2*piece-head]...)
	swapped = append(append(swapped, file[head:piece]...), file[2*piece-head:]...)
	changed := func(i int) []byte {
		c := bytes.Clone(file)
		c[i] ^= 1
		return c
	}
	for what, c := range map[string]struct {
		file []byte
		into opened
		says string
	}{
		"empty":                  {nil, into, "does not begin like one"},
		"something else":         {[]byte("-----BEGIN CERTIFICATE-----\nabc"), into, "does not begin like one"},
		"of a newer version":     {append([]byte("picket backup 2\n"), file[16:]...), into, "newer version"},
		"only the magic":         {file[:16], into, "cut off"},
		"cut off":                {file[:len(file)-1], into, "cut off"},
		"cut off at a piece":     {file[:piece], into, "cut off"},
		"longer":                 {append(bytes.Clone(file), 0), into, "follows its end"},
		"changed at the head":    {changed(20), into, "damaged"},
		"changed in the middle":  {changed(len(file) / 2), into, "damaged"},
		"changed at the end":     {changed(len(file) - 1), into, "damaged"},
		"a piece of another one": {append(bytes.Clone(file[:piece]), second[piece:]...), into, "damaged"},
		"two pieces swapped":     {swapped, into, "damaged"},
		"a piece left out":       {append(bytes.Clone(file[:head]), file[piece:]...), into, "damaged"},
		"the end left out":       {append(bytes.Clone(file[:piece]), 0, 0, 0, 0), into, "damaged"},
		"of another secret":      {file, elsewhere, "secret"},
		"of another cluster":     {file, namesake, `cluster "test"`},
	} {
		_, err := c.into.Restore(c.into.ctx, bytes.NewReader(c.file), RestoreOptions{})
		if !errors.Is(err, ErrBackup) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
		if got := c.into.all(t); len(got) != 0 {
			t.Errorf("%s: %d records were written", what, len(got))
		}
	}
	if sum := into.restore(t, file, RestoreOptions{}); sum.Records != 600 {
		t.Errorf("the whole file: %+v", sum)
	}
}

// writes is a place to write to that does something on the way.
type writes struct {
	io.Writer
	before func()
}

func (w writes) Write(p []byte) (int, error) {
	w.before()
	return w.Writer.Write(p)
}

func TestABackupThatIsTakenUnderWritesHasEachRecordAsItWasOrBecame(t *testing.T) {
	t.Parallel() // it mostly waits
	from := openAll(t, Options{}, Spec{Name: "users", Decides: true})
	for i := range 2000 {
		from.put(t, "users", fmt.Sprintf("u%d", i), strings.Repeat("x", 1000), 0)
	}
	var file bytes.Buffer
	n := 1999
	var removed []string
	_, err := from.Backup(from.ctx, writes{&file, func() { // the walk has not come to these yet
		from.put(t, "users", fmt.Sprintf("u%d", n), "changed", 0)
		from.put(t, "users", fmt.Sprintf("u%d", n-1), "changed", 0)
		from.put(t, "users", "u0", "changed behind the walk", 0)
		if err := from.buckets["users"].Delete(from.ctx, fmt.Sprintf("u%d", n-2)); err != nil {
			t.Error(err)
		}
		behind := fmt.Sprintf("u%d", 2000-n)
		if err := from.buckets["users"].Delete(from.ctx, behind); err != nil {
			t.Error(err)
		}
		removed = append(removed, "users "+behind)
		n -= 3
	}}, "v1")
	if err != nil {
		t.Fatal(err)
	}
	into := openAll(t, Options{}, Spec{Name: "users", Decides: true})
	into.restore(t, file.Bytes(), RestoreOptions{})
	was, is := from.all(t), into.all(t)
	if len(was) == 2000 {
		t.Fatal("nothing was removed meanwhile")
	}
	for key, text := range was {
		if is[key] != text && text == strings.Repeat("x", 1000) {
			t.Errorf("%s is lost", key)
		}
		if _, ok := is[key]; !ok {
			t.Errorf("%s, changed on the way, is neither as it was nor as it is", key)
		}
	}
	if is["users u0"] != "changed behind the walk" {
		t.Errorf("u0 is as it was before it was changed: %.20q", is["users u0"])
	}
	gone := 0
	for i, key := range removed { // in order: the backup is as all was at some moment, which is late on the walk
		if _, there := is[key]; there {
			continue
		}
		if gone++; gone != i+1 {
			t.Errorf("%s is gone, and one that was removed before it is back", key)
		}
	}
	if gone < len(removed)/2 {
		t.Errorf("of %d that were removed on the way %d are back", len(removed), len(removed)-gone)
	}
}

func TestWhatIsRestoredIsUnderThePresentSecret(t *testing.T) {
	t.Parallel() // it mostly waits
	from := openAll(t, Options{Secrets: [][]byte{olderSecret}})
	from.put(t, "tokens", "a", "secret", time.Hour)
	from.put(t, "users", "a", "plain", 0)
	file := from.backup(t)
	into := openAll(t, Options{Secrets: [][]byte{testSecret, olderSecret}})
	into.restore(t, file, RestoreOptions{})
	if sum, err := into.Reseal(into.ctx, nil); err != nil || sum.Resealed != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func FuzzRestore(f *testing.F) {
	k := keyring(f, testSecret)
	b := &Broker{keys: k, options: Options{Cluster: "test"}}
	var good bytes.Buffer
	out := &items{out: &good}
	out.head(archiveHead{Cluster: "test", Buckets: []string{"users"}})
	out.bucket("users", 7)
	out.record(archived{kind: itemRecord, key: "a", sequence: 3, expires: 9, headers: [][2]string{{headerTag, "x"}}, data: []byte("{}")})
	out.record(archived{kind: itemRemoval, key: "a", sequence: 9})
	out.end()
	f.Add(good.Bytes())
	f.Add([]byte("\x02{}e"))
	f.Add([]byte("\x02{}b\x01a\x00r\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		var file bytes.Buffer
		w, err := newArchiveWriter(&file, b.keys.Sealer(backupPurpose))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		spool, err := b.spool()
		if err != nil {
			t.Fatal(err)
		}
		defer spool.Close()
		r := restoration{broker: b, latest: map[string]uint64{}}
		if err := r.check(&file, spool); err != nil && !errors.Is(err, ErrBackup) {
			t.Fatal(err)
		}
		_, _ = newArchiveReader(bytes.NewReader(plain), b.keys.Sealer(backupPurpose))
	})
}

func TestAnArchiveIsReadAsItWasWritten(t *testing.T) {
	sealer := keyring(t, testSecret).Sealer(backupPurpose)
	for _, size := range []int{0, 1, archivePiece - 1, archivePiece, archivePiece + 1, 3 * archivePiece} {
		var file bytes.Buffer
		w, err := newArchiveWriter(&file, sealer)
		if err != nil {
			t.Fatal(err)
		}
		plain := bytes.Repeat([]byte("a"), size)
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := newArchiveReader(&file, sealer)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
	}
}
