package console

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"picket/node/authz"
)

// How a client of gRPC names what it sends, and what it wants back (gRPC over HTTP2 and PROTOCOL-WEB, "Content-Type"): a
// format may follow behind a plus.
const (
	grpcType        = "application/grpc"
	grpcWebType     = "application/grpc-web"
	grpcWebTextType = "application/grpc-web-text" // the body is in base64
)

// speaksGRPC tells which kind of gRPC a media type is of, if any.
func speaksGRPC(contentType string) (k kind, ok bool) {
	switch grpcFamily(contentType) {
	case grpcType:
		return grpc, true
	case grpcWebType, grpcWebTextType:
		return grpcWeb, true
	}
	return program, false
}

// grpcFamily is a media type without parameters and format, in lower case.
func grpcFamily(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	family, _, _ := strings.Cut(strings.TrimSpace(media), "+")
	return strings.ToLower(family)
}

// refuseGRPC answers "Trailers-Only": HTTP 200, the status among the headers, no body
// (gRPC over HTTP2, "Responses").
func refuseGRPC(w http.ResponseWriter, r *http.Request, f authz.Refusal) {
	h := w.Header()
	status, message := f.GRPC()
	h.Set("Content-Type", r.Header.Get("Content-Type"))
	h.Set("Grpc-Status", strconv.Itoa(status))
	h.Set("Grpc-Message", message)
	w.WriteHeader(http.StatusOK)
}

// trailerFrame marks the last message of a body of gRPC-Web, which is the trailers (PROTOCOL-WEB, "HTTP wire protocols").
const trailerFrame = 0x80

// refuseGRPCWeb answers HTTP 200 with the status in the one message of the body: a page cannot read trailers.
func (c *Console) refuseGRPCWeb(w http.ResponseWriter, r *http.Request, f authz.Refusal) {
	status, message := f.GRPC()
	trailers := fmt.Sprintf("grpc-status: %d\r\ngrpc-message: %s\r\n", status, message)
	body := binary.BigEndian.AppendUint32([]byte{trailerFrame}, uint32(len(trailers)))
	body = append(body, trailers...)
	asked := r.Header.Get("Content-Type")
	if grpcFamily(asked) == grpcWebTextType {
		body = []byte(base64.StdEncoding.EncodeToString(body))
	}
	w.Header().Set("Content-Type", asked)
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		c.log.Debug().Err(err).Str("request_id", requestID(r)).Msg("writing an answer")
	}
}
