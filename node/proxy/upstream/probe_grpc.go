package upstream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"

	"picket/node/config"
)

// probeGRPC asks by the gRPC health checking protocol, grpc.health.v1.Health/Check, and wants to hear SERVING. It is one call with
// one field there and one back, over the connections that requests use too, so that it needs no gRPC client beside them.
func (r *Reach) probeGRPC(h config.Health) func(context.Context) error {
	transport := r.Transport()
	message := append(binary.AppendUvarint([]byte{1<<3 | lengthed}, uint64(len(h.Service))), h.Service...)
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base()+"/grpc.health.v1.Health/Check", bytes.NewReader(frame))
		if err != nil {
			return err
		}
		request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {agent}}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		defer transport.CloseIdleConnections()
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, probeBytes))
		if err != nil {
			return err
		}
		if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers a health check of gRPC over HTTP/%d with %d", response.ProtoMajor, response.StatusCode)
		}
		if status := max(grpcNumber(response.Header), grpcNumber(response.Trailer)); status != 0 {
			return fmt.Errorf("it answers a health check with gRPC status %d: %s", status,
				cmp.Or(response.Trailer.Get("Grpc-Message"), response.Header.Get("Grpc-Message")))
		}
		return serving(body)
	}
}

// statuses are the names of answers.
var statuses = [...]string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// Kinds of fields on the wire of protocol buffers.
const (
	varint   = 0
	lengthed = 2
)

// serving reads the one message of an answer, HealthCheckResponse, which has one field, the status; a field that is not there
// is zero.
func serving(body []byte) error {
	if len(body) < 5 || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:5])) != uint64(len(body)-5) {
		return errNoMessage
	}
	message, status := body[5:], uint64(0)
	if len(message) > 0 {
		n := 0
		status, n = binary.Uvarint(message[1:])
		if message[0] != 1<<3|varint || n <= 0 || n != len(message)-1 {
			return errNoMessage
		}
	}
	if status == 1 {
		return nil
	}
	return fmt.Errorf("it says of itself %s", statuses[min(status, uint64(len(statuses)-1))])
}

var errNoMessage = errors.New("it answers a health check with something else than its status")
