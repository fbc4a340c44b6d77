package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unsafe"
)

// Entries of one batch have texts in common, of which who appends them knows: what is told of a session is the same with each
// of its requests. Such a text stands in a batch once, and is numbered; after that its number stands in its place.
// Behind markCommon, a byte that no JSON has outside of texts nor in them (RFC 8259), comes the number as an unsigned varint
// (encoding/binary), from 0; behind a number that is new, the length of its text, likewise, and the text.
const markCommon = 0x01

// longestCommon is how long a text may be to be numbered, in bytes.
const longestCommon = 8 << 10

// commons are the texts of one batch that stand in it by their numbers. The zero commons has none.
type commons struct {
	numbers map[*byte]numbered // by where the text is: nobody changes it, and it stays as long as it is here
	next    uint64
}

// numbered is one of them.
type numbered struct {
	number uint64
	length int
}

// append writes a text, or its number.
func (c *commons) append(dst, text []byte) []byte {
	if len(text) == 0 || len(text) > longestCommon {
		return append(dst, text...)
	}
	at := unsafe.SliceData(text)
	if known, ok := c.numbers[at]; ok && known.length == len(text) {
		return binary.AppendUvarint(append(dst, markCommon), known.number)
	}
	if c.numbers == nil {
		c.numbers = map[*byte]numbered{}
	}
	c.numbers[at] = numbered{c.next, len(text)}
	dst = binary.AppendUvarint(append(dst, markCommon), c.next)
	c.next++
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// forget makes ready for another batch.
func (c *commons) forget() {
	clear(c.numbers)
	c.next = 0
}

// errCommon is a batch that names a text which it does not hold.
var errCommon = errors.New("a text that its entries have in common is not there")

// expand puts texts in the place of their numbers.
func expand(packed []byte) ([]byte, error) {
	var texts [][]byte
	var lines []byte
	for {
		i := bytes.IndexByte(packed, markCommon)
		if i < 0 {
			i = len(packed)
		}
		if lines = append(lines, packed[:i]...); len(lines) > longestBatch {
			return nil, errTooLong
		}
		if i == len(packed) {
			return lines, nil
		}
		number, rest, ok := cutNumber(packed[i+1:])
		if ok && number == uint64(len(texts)) {
			var length uint64
			if length, rest, ok = cutNumber(rest); ok && length <= uint64(len(rest)) {
				texts, rest = append(texts, rest[:length]), rest[length:]
			}
		}
		if !ok || number >= uint64(len(texts)) {
			return nil, errCommon
		}
		if len(lines)+len(texts[number]) > longestBatch {
			return nil, errTooLong
		}
		lines, packed = append(lines, texts[number]...), rest
	}
}

// cutNumber takes a number from the beginning.
func cutNumber(b []byte) (number uint64, rest []byte, ok bool) {
	number, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return number, b[n:], true
}
