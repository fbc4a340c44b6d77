package broker

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What an archive holds: a head, then for each bucket its name and its records. Texts are their length (uvarint) and
// their bytes.
//
//	head     text, JSON: archiveHead
//	'b'      a bucket begins: name, sequence when its reading began; what comes until the next is in it
//	'r'      a record: key, sequence, expiry (Unix seconds; 0: never), number of headers, headers (name, value), data
//	'd'      a record was removed while the backup was taken: key, sequence
//	'e'      the end
const (
	itemBucket  = 'b'
	itemRecord  = 'r'
	itemRemoval = 'd'
	itemEnd     = 'e'

	longestText = 8 << 20 // more than a message of the store can have
	mostHeaders = 16
)

// archiveHead is what a backup says of itself.
type archiveHead struct {
	Cluster string    `json:"cluster"`
	At      time.Time `json:"at"` // when it was begun
	Version string    `json:"version"`
	Buckets []string  `json:"buckets"`
}

// archived is a record in an archive, or its removal.
type archived struct {
	kind     byte
	key      string
	sequence uint64
	expires  int64 // Unix seconds; 0: never
	headers  [][2]string
	data     []byte
}

// items writes an archive's contents. The first error stays.
type items struct {
	out io.Writer
	buf []byte
	err error
}

func (w *items) write() {
	if w.err == nil {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *items) text(s string) {
	w.buf = append(binary.AppendUvarint(w.buf, uint64(len(s))), s...)
}

func (w *items) head(h archiveHead) {
	text, err := json.Marshal(h)
	if err != nil {
		w.err = fmt.Errorf("encoding the head of the backup: %w", err)
		return
	}
	w.text(string(text))
	w.write()
}

func (w *items) bucket(name string, begin uint64) {
	w.buf = append(w.buf, itemBucket)
	w.text(name)
	w.buf = binary.AppendUvarint(w.buf, begin)
	w.write()
}

func (w *items) record(a archived) {
	w.buf = append(w.buf, a.kind)
	w.text(a.key)
	w.buf = binary.AppendUvarint(w.buf, a.sequence)
	if a.kind == itemRecord {
		w.buf = binary.AppendUvarint(w.buf, uint64(max(a.expires, 0)))
		w.buf = binary.AppendUvarint(w.buf, uint64(len(a.headers)))
		for _, h := range a.headers {
			w.text(h[0])
			w.text(h[1])
		}
		w.text(string(a.data))
	}
	w.write()
}

func (w *items) end() {
	w.buf = append(w.buf, itemEnd)
	w.write()
}

// contents reads what items wrote. What it reads is genuine, but perhaps from a program that made a mistake: it is read
// with care all the same.
type contents struct {
	in   *bufio.Reader
	head archiveHead
}

func readContents(in io.Reader) (*contents, error) {
	c := &contents{in: bufio.NewReaderSize(in, 64<<10)}
	text, err := c.text()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &c.head); err != nil {
		return nil, fmt.Errorf("%w: its head is not readable", ErrBackup)
	}
	return c, nil
}

// each goes through everything, to the end of the archive. bucket is called when one begins, record for its records.
func (c *contents) each(bucket func(name string, begin uint64) error, record func(archived) error) error {
	begun := false
	for {
		kind, err := c.in.ReadByte()
		if err != nil {
			return c.broken(err)
		}
		switch {
		case kind == itemEnd:
			if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
				return c.broken(err)
			}
			return nil
		case kind == itemBucket:
			begun, err = true, c.bucket(bucket)
		case begun && (kind == itemRecord || kind == itemRemoval):
			var a archived
			if a, err = c.record(kind); err == nil {
				err = record(a)
			}
		default:
			return fmt.Errorf("%w: it holds something unknown", ErrBackup)
		}
		if err != nil {
			return err
		}
	}
}

func (c *contents) bucket(begins func(name string, begin uint64) error) error {
	name, err := c.text()
	if err != nil {
		return err
	}
	begin, err := c.number()
	if err != nil {
		return err
	}
	return begins(string(name), begin)
}

func (c *contents) record(kind byte) (a archived, err error) {
	key, err := c.text()
	if err != nil {
		return a, err
	}
	a.kind, a.key = kind, string(key)
	if a.sequence, err = c.number(); err != nil || kind == itemRemoval {
		return a, err
	}
	expires, err := c.number()
	if err != nil {
		return a, err
	}
	a.expires = int64(min(expires, 1<<40))
	headers, err := c.number()
	if err != nil || headers > mostHeaders {
		return a, c.broken(err)
	}
	for range headers {
		name, err := c.text()
		if err != nil {
			return a, err
		}
		value, err := c.text()
		if err != nil {
			return a, err
		}
		a.headers = append(a.headers, [2]string{string(name), string(value)})
	}
	a.data, err = c.text()
	return a, err
}

func (c *contents) number() (uint64, error) {
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return 0, c.broken(err)
	}
	return n, nil
}

func (c *contents) text() ([]byte, error) {
	n, err := c.number()
	if err != nil {
		return nil, err
	}
	if n > longestText {
		return nil, fmt.Errorf("%w: it holds a text that is too long", ErrBackup)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(c.in, text); err != nil {
		return nil, c.broken(err)
	}
	return text, nil
}

// broken is what to make of contents that end too early, or hold what they may not.
func (c *contents) broken(err error) error {
	switch {
	case errors.Is(err, ErrBackup):
		return err
	case err == nil || short(err):
		return fmt.Errorf("%w: its contents are not whole", ErrBackup)
	}
	return fmt.Errorf("reading the backup: %w", err)
}
