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

// BenchmarkAppendRecord writes down what one decision was made of.
func BenchmarkAppendRecord(b *testing.B) {
	set, in := mustLoad(b, busyRules), benchInput()
	var record []byte
	b.ReportAllocs()
	for b.Loop() {
		record = set.AppendRecord(record[:0], in, "busy")
	}
}
