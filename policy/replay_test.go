package policy

import "testing"

// BenchmarkReplay reads 100,000 decisions as the log has them, and decides each anew.
func BenchmarkReplay(b *testing.B) {
	set := mustLoad(b, tenRules)
	record := set.AppendRecord(nil, benchInput(), "ten")
	b.SetBytes(int64(100_000 * len(record)))
	for b.Loop() {
		for range 100_000 {
			in, err := ParseInput(record)
			if err != nil || !set.Evaluate("ten", in).Allowed() {
				b.Fatal("denied", err)
			}
		}
	}
}

// BenchmarkAppendRecord writes down what one decision was made of: of a session that is known, and of one that is not.
func BenchmarkAppendRecord(b *testing.B) {
	set, in := mustLoad(b, busyRules), benchInput()
	for name, id := range map[string]string{"known": in.Session.ID, "unknown": ""} {
		b.Run(name, func(b *testing.B) {
			in.Session.ID = id // nothing is kept of a session without an id
			var record []byte
			b.ReportAllocs()
			for b.Loop() {
				record = set.AppendRecord(record[:0], in, "busy")
			}
		})
	}
}
