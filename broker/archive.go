package broker

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrBackup says that a file is no backup that can be restored here: it is something else, damaged, cut off, of another
// cluster or secret, or of a newer version of picket. The error around it says which.
var ErrBackup = errors.New("not a backup that can be restored here")

// An archive is a stream of bytes, sealed in pieces, so that neither its beginning nor its end nor an order of its pieces
// can be made up, and nothing in it is read before it is known to be genuine:
//
//	"picket backup 1\n" | id (16 bytes) | pieces
//
// A piece is its length (4 bytes, big endian) and what Sealer makes of at most archivePiece bytes, bound to the id, the
// number of the piece and whether it is the last.
const (
	archiveMagic = "picket backup 1\n"
	archivePiece = 256 << 10
	archiveID    = 16
	// longestPiece is how long a sealed piece can be.
	longestPiece = archivePiece + 1<<10
)

// archiveWriter seals what is written to it. Close writes the end; without it the archive is not whole.
type archiveWriter struct {
	out    io.Writer
	sealer *Sealer
	id     string
	number uint64 // of the next piece
	piece  []byte // not written yet
}

func newArchiveWriter(out io.Writer, sealer *Sealer) (*archiveWriter, error) {
	id := make([]byte, archiveID)
	_, _ = rand.Read(id) // never fails
	w := &archiveWriter{out: out, sealer: sealer, id: string(id), piece: make([]byte, 0, archivePiece)}
	_, err := io.WriteString(out, archiveMagic+w.id)
	return w, err
}

// Write takes more.
func (w *archiveWriter) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		if len(w.piece) == archivePiece {
			if err := w.flush(false); err != nil {
				return done, err
			}
		}
		n := min(archivePiece-len(w.piece), len(p)-done)
		w.piece = append(w.piece, p[done:done+n]...)
		done += n
	}
	return len(p), nil
}

// Close writes the last piece.
func (w *archiveWriter) Close() error { return w.flush(true) }

func (w *archiveWriter) flush(last bool) error {
	sealed := w.sealer.Seal(w.piece, piecePlace(w.id, w.number, last)...)
	w.number++
	w.piece = w.piece[:0]
	_, err := w.out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	return err
}

func piecePlace(id string, number uint64, last bool) []string {
	which := "piece"
	if last {
		which = "last piece"
	}
	return []string{which, id, string(binary.BigEndian.AppendUint64(nil, number))}
}

// archiveReader reads what an archiveWriter wrote; io.EOF comes only when the archive is whole and nothing is behind it.
// What is wrong with it is an ErrBackup.
type archiveReader struct {
	in     io.Reader
	sealer *Sealer
	id     string
	number uint64
	piece  []byte // not read yet
	last   bool   // piece is the last
}

func newArchiveReader(in io.Reader, sealer *Sealer) (*archiveReader, error) {
	head := make([]byte, len(archiveMagic)+archiveID)
	_, err := io.ReadFull(in, head)
	const name = "picket backup "
	switch magic := string(head[:len(archiveMagic)]); {
	case magic == archiveMagic && err == nil:
		return &archiveReader{in: in, sealer: sealer, id: string(head[len(archiveMagic):])}, nil
	case magic == archiveMagic:
		return nil, cutOff(err)
	case magic[:len(name)] == name:
		return nil, fmt.Errorf("%w: it was made by a newer version of picket", ErrBackup)
	case err != nil && !short(err):
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
	return nil, fmt.Errorf("%w: it does not begin like one", ErrBackup)
}

func short(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// cutOff is what to make of an error while more was to come.
func cutOff(err error) error {
	if short(err) {
		return fmt.Errorf("%w: it is cut off", ErrBackup)
	}
	return fmt.Errorf("reading the backup: %w", err)
}

// Read reads on.
func (r *archiveReader) Read(p []byte) (int, error) {
	for len(r.piece) == 0 {
		if r.last {
			return 0, r.end()
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}

// end makes sure that nothing follows.
func (r *archiveReader) end() error {
	n, err := io.ReadFull(r.in, make([]byte, 1))
	switch {
	case n > 0:
		return fmt.Errorf("%w: something follows its end", ErrBackup)
	case short(err):
		return io.EOF
	}
	return fmt.Errorf("reading the backup: %w", err)
}

func (r *archiveReader) next() (err error) {
	var length [4]byte
	if _, err := io.ReadFull(r.in, length[:]); err != nil {
		return cutOff(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > longestPiece {
		return fmt.Errorf("%w: it is damaged", ErrBackup)
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(r.in, sealed); err != nil {
		return cutOff(err)
	}
	if r.piece, err = r.sealer.Open(sealed, piecePlace(r.id, r.number, false)...); err != nil {
		if r.piece, err = r.sealer.Open(sealed, piecePlace(r.id, r.number, true)...); err != nil {
			return r.strange(sealed)
		}
		r.last = true
	}
	r.number++
	return nil
}

// strange says what is wrong with a piece that does not open.
func (r *archiveReader) strange(sealed []byte) error {
	if r.number == 0 && !r.sealer.knows(sealed) {
		return fmt.Errorf("%w: it was made with a secret that is not among this cluster's", ErrBackup)
	}
	return fmt.Errorf("%w: it is damaged", ErrBackup)
}
