// Package http2 serves HTTP/2 (RFC 9113) on connections that others accept, to the same handlers as package http1. How a frame is
// spelt (but that which begins a header), and HPACK's decoding, are the matter of golang.org/x/net/http2; streams, flow control and time
// are its own.
//
// One goroutine owns what comes on a connection (conn.go, incoming.go, request.go). Each request is handled by a goroutine of its
// own, which is used again for others (workers.go), and which writes into one buffer of the connection (response.go, output.go):
// whoever is done first takes along what others have written meanwhile, so that several answers go in one TLS record.
//
// It promises that a request is read as strictly as one of HTTP/1.1: what is malformed (RFC 9113, sections 8.2 and 8.3) ends its
// stream, and no handler sees it. What one connection holds of what nobody has read yet is bounded, both ways; nobody who writes
// waits for a client longer than its request lives. A client that makes work for nothing (streams that are reset, by itself or
// because of what it sent; pings, settings, empty frames) is told to be calm and cut off. What is to end in time does: half a
// header block, a connection without requests, a client that does not read.
//
// Header fields of responses are written without HPACK's dynamic table: nothing then is remembered of what one answer said when
// the next is compressed.
package http2
