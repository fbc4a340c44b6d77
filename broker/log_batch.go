package broker

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// A message of a log holds the lines of a batch as one block of S2, and says so by the header Content-Encoding. Entries of
// one moment have much in common: to pack them takes less than to hand a node's own store, and its replicas, ten times as
// many bytes. Where a text stands in them by its number (log_common.go), the header says that as well, first, as it was done
// first (RFC 9110, section 8.4). A message without that header holds the lines as they are.
const (
	encodingHeader = "Content-Encoding"
	encodingS2     = "s2"
	encodingCommon = "common, s2"
	// longestBatch is what is unpacked of one message, in bytes: no more is taken from a store than was ever given to one.
	longestBatch = 16 << 20
)

// pack makes a message of a batch, in room if that does.
func (b batch) pack(subject string, room []byte) *nats.Msg {
	encoding := encodingS2
	if b.common {
		encoding = encodingCommon
	}
	return &nats.Msg{
		Subject: subject, Header: nats.Header{encodingHeader: {encoding}},
		Data: s2.Encode(room[:cap(room)], b.lines),
	}
}

// errTooLong is a message that says it holds more than a batch can.
var errTooLong = errors.New("it is too long")

// unpack gives the lines that a message holds.
func unpack(header nats.Header, data []byte) ([]byte, error) {
	encoding := header.Get(encodingHeader)
	switch encoding {
	case "":
		return data, nil
	case encodingS2, encodingCommon:
	default:
		return nil, fmt.Errorf("unpacking: the encoding %.20q is not known", encoding)
	}
	n, err := s2.DecodedLen(data)
	if err == nil && n > longestBatch {
		err = errTooLong
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	lines, err := s2.Decode(nil, data)
	if err == nil && encoding == encodingCommon {
		lines, err = expand(lines)
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return lines, nil
}
