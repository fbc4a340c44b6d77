// Package http2 serves HTTP/2 on connections that others accept. Frames, streams and flow control are the matter of
// golang.org/x/net/http2; this package watches what passes between it and the client, frame by frame.
//
// It promises that a client that makes work for nothing (streams that are reset, pings, settings, empty frames) is told to be
// calm and cut off, that half a header block ends in time, and that WebSockets can be asked for (RFC 8441).
package http2
