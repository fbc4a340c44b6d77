package broker

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"picket/examples/allocs"
)

// texts are the texts of a log's entries, and how many could not be read.
func texts(t *testing.T, log *Log[note]) (all []string, unreadable int) {
	t.Helper()
	for entry, err := range log.Since(unhurried(t), time.Now().Add(-time.Hour)) {
		switch {
		case errors.Is(err, ErrUnavailable):
			t.Fatal(err)
		case err != nil:
			unreadable++
		default:
			all = append(all, entry.Text)
		}
	}
	return all, unreadable
}

func TestALogIsReadInWhateverWayItWasWritten(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	log, err := OpenLog[note](ctx, b, LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	packed := func(encoding string, data []byte) *nats.Msg {
		return &nats.Msg{Subject: log.subject, Header: nats.Header{encodingHeader: {encoding}}, Data: data}
	}
	lines := []byte(`{"Text":"c"}` + "\n" + `no JSON` + "\n" + `{"Text":"d"}` + "\n")
	for _, msg := range []*nats.Msg{
		{Subject: log.subject, Data: []byte(`{"Text":"a"}` + "\n" + `{"Text":"b"}` + "\n")}, // as they are
		packed("zstd", []byte("?")), packed(encodingS2, []byte("no S2")),
		packed(encodingS2, s2.Encode(nil, lines)[:20]), // cut off
		packed(encodingS2, s2.Encode(nil, make([]byte, longestBatch+1))),
		packed(encodingS2, s2.Encode(nil, lines)),
	} {
		if _, err := b.stream.PublishMsg(ctx, msg); err != nil {
			t.Fatal(err)
		}
	}
	log.Append(note{"e"})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := log.Run(ended); err != nil { // what is left is written
		t.Fatal(err)
	}
	var all []string
	var unreadable int
	eventually(t, "the last is there", func() bool {
		all, unreadable = texts(t, log)
		return len(all) > 0 && all[len(all)-1] == "e"
	})
	if len(all) != 5 || unreadable != 5 {
		t.Errorf("read were %q, and %d not", all, unreadable)
	}
}

func TestABatchOfDecisionsIsStoredInAFifthOfItsSize(t *testing.T) {
	var b batch
	for _, entry := range decisionsOf(4096)[:logBatch] {
		b.lines = append(append(b.lines, entry...), '\n')
		b.entries++
	}
	msg := b.pack("x", nil)
	if len(msg.Data) > len(b.lines)/5 {
		t.Errorf("of %d bytes %d are stored", len(b.lines), len(msg.Data))
	}
	if lines, err := unpack(msg.Header, msg.Data); err != nil || !bytes.Equal(lines, b.lines) {
		t.Errorf("it is read as %d bytes, %v", len(lines), err)
	}
}

func TestWhatFillsNoBatchWaitsUntilItIsDue(t *testing.T) {
	log, err := OpenLog[note](t.Context(), start(t, Options{}), LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2*logBatch + 1 {
		log.Append(note{"x"})
	}
	var taken []int
	for range 3 {
		b, _ := log.take(false)
		taken = append(taken, b.entries)
	}
	b, _ := log.take(true)
	if taken = append(taken, b.entries); !slices.Equal(taken, []int{logBatch, logBatch, 0, 1}) {
		t.Errorf("taken are %v", taken)
	}
}

// TestWhatIsHeldBackIsCollected holds entries back, of which the log is told.
func TestWhatIsHeldBackIsCollected(t *testing.T) {
	ctx := unhurried(t)
	var log *Log[note]
	held := make(chan string, 10)
	log, err := OpenLog[note](ctx, start(t, Options{}), LogSpec{Name: "decisions", Collect: func() {
		for len(held) > 0 {
			log.Append(note{<-held})
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- log.Run(running) }()
	stored := func(want ...string) {
		eventually(t, fmt.Sprintf("%q are stored", want), func() bool { all, _ := texts(t, log); return slices.Equal(all, want) })
	}
	for i := range 3 { // again, when it was idle
		held <- string(rune('a' + i))
		log.Soon()
		stored([]string{"a", "b", "c"}[:i+1]...)
	}
	held <- "d" // of which nobody tells
	end()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stored("a", "b", "c", "d")
}

// TestWhatComesWhileTheLogEndsIsStored ends while a batch is being written: what is held back then comes behind it.
func TestWhatComesWhileTheLogEndsIsStored(t *testing.T) {
	ctx := unhurried(t)
	running, end := context.WithCancel(ctx)
	defer end()
	var log *Log[note]
	held := []string{"a"}
	log, err := OpenLog[note](ctx, start(t, Options{}), LogSpec{Name: "decisions", Collect: func() {
		for _, text := range held {
			log.Append(note{text})
		}
		if held = nil; running.Err() == nil {
			end()
			held = []string{"b"} // by a request that is answered while "a" is written
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	log.Soon()
	if err := log.Run(running); err != nil {
		t.Fatal(err)
	}
	if all, _ := texts(t, log); !slices.Equal(all, []string{"a", "b"}) {
		t.Errorf("%q are stored", all)
	}
}

func TestWhatWaitsForAStoreThatIsDownIsBoundedInBytes(t *testing.T) {
	log, err := OpenLog[json.RawMessage](t.Context(), start(t, Options{}), LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	entry := []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	taken, most := 0, queueSize/len(entry)
	for range most + 10 {
		if log.AppendJSON(entry) {
			taken++
		}
	}
	if taken > most || taken < most-1 {
		t.Errorf("of entries of %d bytes %d wait, %d would be %d", len(entry), taken, most, queueSize)
	}
	for b, _ := log.take(true); b.entries > 0; b, _ = log.take(true) {
		log.giveBack(b.lines)
	}
	if !log.AppendParts([][]byte{entry[:1], entry[1:]}) {
		t.Error("when they were written, there is no room")
	}
}

func TestAnEntryThatTheStoreDoesNotTakeTakesNoOthersWithIt(t *testing.T) {
	ctx := unhurried(t)
	log, err := OpenLog[note](ctx, start(t, Options{}), LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	log.Append(note{"a"})
	log.Append(note{hex.EncodeToString(noise)})
	log.Append(note{"b"})
	if log.Append(note{strings.Repeat("x", longestBatch)}) {
		t.Error("what nobody could read is taken")
	}
	log.writeQueued(ctx, true)
	if all, _ := texts(t, log); !slices.Equal(all, []string{"a", "b"}) {
		t.Errorf("stored are %.20q", all)
	}
}

func TestNoMoreIsUnpackedThanABatchCanHold(t *testing.T) {
	for size, want := range map[int]error{longestBatch: nil, longestBatch + 1: errTooLong} {
		msg := batch{lines: make([]byte, size)}.pack("x", nil)
		if lines, err := unpack(msg.Header, msg.Data); !errors.Is(err, want) || err == nil && len(lines) != size {
			t.Errorf("of %d bytes it gives %d, %v", size, len(lines), err)
		}
	}
}

func TestAppendingAllocatesNothingWhileBatchesAreWritten(t *testing.T) {
	b := start(t, Options{})
	log, err := OpenLog[json.RawMessage](t.Context(), b, LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	entry := decisionsOf(1)[0]
	parts := [][]byte{entry[:100], entry[100:400], entry[400:]}
	n := allocs.Least(0, 10*logBatch, func() {
		if !log.AppendJSON(entry) || !log.AppendParts(parts) {
			t.Fatal("dropped")
		}
		if full, _ := log.take(false); full.entries > 0 {
			log.giveBack(full.lines)
		}
	})
	if n != 0 {
		t.Errorf("it allocates %d times", n)
	}
}

func FuzzUnpackingALog(f *testing.F) {
	f.Add("s2", s2.Encode(nil, []byte("a\nb\n")))
	f.Add("", []byte("a"))
	f.Add("gzip", []byte{})
	f.Add(encodingCommon, s2.Encode(nil, []byte("a\x01\x00\x01b\x01\x00\n")))
	f.Add("s2", []byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, encoding string, data []byte) {
		lines, err := unpack(nats.Header{encodingHeader: {encoding}}, data)
		if err == nil && encoding == encodingS2 {
			again := batch{lines: lines}.pack("x", nil)
			if same, err := unpack(again.Header, again.Data); err != nil || !bytes.Equal(same, lines) {
				t.Errorf("%q is unpacked, packed and unpacked as %q, %v", lines, same, err)
			}
		}
		if len(lines) > longestBatch {
			t.Errorf("of %d bytes it takes %d", len(data), len(lines))
		}
	})
}
