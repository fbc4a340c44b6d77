package broker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEntriesInPartsAreReadAsTheyWereAppended(t *testing.T) {
	ctx := unhurried(t)
	log, err := OpenLog[json.RawMessage](ctx, start(t, Options{}), LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	texts := [][]byte{
		[]byte(`"a":1`), []byte(`"b":"` + strings.Repeat("long ", 100) + `"`), nil,
		[]byte(`"much":"` + strings.Repeat("m", longestCommon) + `"`),
	}
	var want []string
	for i := range 2*logBatch + 3 { // of two batches the texts are told anew
		one, other := texts[i%len(texts)], texts[i/2%len(texts)]
		parts := [][]byte{fmt.Appendf(nil, `{"n":%d,"one":{`, i), one, []byte(`},"other":{`), other, []byte(`}}`)}
		want = append(want, string(bytes.Join(parts, nil)))
		if !log.AppendParts(parts) {
			t.Fatal("dropped")
		}
		if i%7 == 0 {
			want = append(want, `"whole"`)
			log.AppendJSON([]byte(`"whole"`))
		}
	}
	go func() { _ = log.Run(ctx) }()
	var got []string
	eventually(t, "all are there", func() bool {
		got = nil
		for entry, err := range log.Since(ctx, time.Now().Add(-time.Hour)) {
			if err != nil {
				return false // the store may be slow to answer
			}
			got = append(got, string(entry))
		}
		return len(got) == len(want)
	})
	if !slices.Equal(got, want) {
		t.Error("they are not the same")
	}
}

func TestATextInCommonIsStoredOnceInABatch(t *testing.T) {
	var c commons
	text, other := []byte("a text in common"), []byte("another, in common")
	packed := c.append(nil, text)
	for _, next := range [][]byte{other, text, other, text} {
		packed = c.append(append(packed, ' '), next)
	}
	if n := bytes.Count(packed, text); n != 1 || len(packed) > len(text)+len(other)+20 {
		t.Errorf("it is %q", packed)
	}
	lines, err := expand(packed)
	if want := "a text in common another, in common a text in common another, in common a text in common"; err != nil || string(lines) != want {
		t.Errorf("it is read as %q, %v", lines, err)
	}
	c.forget()
	if lines, err := expand(c.append(nil, other)); err != nil || !bytes.Equal(lines, other) {
		t.Errorf("in the next batch it is %q, %v", lines, err)
	}
}

func TestWhatGrewIsAnotherText(t *testing.T) {
	var c commons
	text := []byte("a text in common")
	packed := c.append(c.append(c.append(nil, text[:6]), text), text[:6])
	if lines, err := expand(packed); err != nil || string(lines) != "a texta text in commona text" {
		t.Errorf("it is read as %q, %v", lines, err)
	}
}

func TestABatchIsFullBeforeItIsTooLongToBeRead(t *testing.T) {
	log, err := OpenLog[json.RawMessage](t.Context(), start(t, Options{}), LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	text := []byte(strings.Repeat("x", longestCommon))
	for range logBytes / longestCommon / 2 {
		parts = append(parts, nil, text)
	}
	for range 2 * longestBatch / logBytes {
		log.AppendParts(parts)
	}
	b, _ := log.take(false)
	msg := b.pack("x", nil)
	lines, err := unpack(msg.Header, msg.Data)
	if err != nil || len(lines) != b.whole || b.entries != longestBatch/logBytes {
		t.Errorf("%d entries are read as %d bytes of %d, %v", b.entries, len(lines), b.whole, err)
	}
}

func TestABatchThatCannotBeExpandedIsRefused(t *testing.T) {
	much := binary.AppendUvarint([]byte{markCommon, 0}, longestCommon)
	much = append(much, make([]byte, longestCommon)...)
	for packed, want := range map[string]error{
		"\x01":            errCommon,
		"a\x01\x01":       errCommon, // 1 before 0
		"\x01\x00":        errCommon,
		"\x01\x00\x05abc": errCommon,
		"\x01\x00\x01a\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01":              errCommon,
		string(much) + strings.Repeat("\x01\x00", longestBatch/longestCommon):        errTooLong,
		"\x01\x00\x01a" + "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + "bcd": errCommon,
	} {
		if lines, err := expand([]byte(packed)); !errors.Is(err, want) || lines != nil {
			t.Errorf("%.20q is %.20q, %v", packed, lines, err)
		}
	}
}

func TestExpandingTakesNoMoreRoomThanABatchMay(t *testing.T) {
	text := make([]byte, longestBatch)
	packed := append(binary.AppendUvarint([]byte{'\n', markCommon, 0}, longestBatch), text...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines, err := expand(packed)
	runtime.ReadMemStats(&after)
	if room := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, errTooLong) || lines != nil || room >= longestBatch {
		t.Errorf("it took %d bytes, %v", room, err)
	}
}

func FuzzExpanding(f *testing.F) {
	f.Add([]byte("a\x01\x00\x01b\x01\x00"))
	f.Add([]byte("\x01\x00\xff"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		if lines, err := expand(packed); len(lines) > longestBatch || err != nil && lines != nil {
			t.Errorf("%q is %d bytes, %v", packed, len(lines), err)
		}
	})
}
