package authz

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// GRPC is what a client of gRPC is told: a status code of gRPC, and a message for the field grpc-message, encoded as it is to
// stand there.
func (f Refusal) GRPC() (status int, message string) { return grpcStatus(f.Status), grpcMessage(f) }

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
func grpcMessage(f Refusal) string {
	text := f.Title
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", f.RequestID)
	}
	return strings.ReplaceAll(url.PathEscape(text), "%20", " ")
}
