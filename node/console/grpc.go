package console

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
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
	h.Set("Content-Type", r.Header.Get("Content-Type"))
	h.Set("Grpc-Status", strconv.Itoa(grpcStatus(f.Status)))
	h.Set("Grpc-Message", grpcMessage(f))
	w.WriteHeader(http.StatusOK)
}

// trailerFrame marks the last message of a body of gRPC-Web, which is the trailers (PROTOCOL-WEB, "HTTP wire protocols").
const trailerFrame = 0x80

// refuseGRPCWeb answers HTTP 200 with the status in the one message of the body: a page cannot read trailers.
func (c *Console) refuseGRPCWeb(w http.ResponseWriter, r *http.Request, f authz.Refusal) {
	trailers := fmt.Sprintf("grpc-status: %d\r\ngrpc-message: %s\r\n", grpcStatus(f.Status), grpcMessage(f))
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

// grpcStatus is the status code of gRPC that says the same as an HTTP status (the statuscodes page of gRPC).
func grpcStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 3 // INVALID_ARGUMENT
	case http.StatusUnauthorized:
		return 16 // UNAUTHENTICATED
	case http.StatusForbidden:
		return 7 // PERMISSION_DENIED
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return 12 // UNIMPLEMENTED
	case http.StatusTooManyRequests:
		return 8 // RESOURCE_EXHAUSTED
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return 14 // UNAVAILABLE
	case http.StatusGatewayTimeout:
		return 4 // DEADLINE_EXCEEDED
	}
	return 2 // UNKNOWN
}

// grpcMessage is one line for a log, percent-encoded as gRPC asks (Percent-Byte-Unencoded is space to ~ without %).
func grpcMessage(f authz.Refusal) string {
	text := f.Title
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", f.RequestID)
	}
	return strings.ReplaceAll(url.PathEscape(text), "%20", " ")
}
