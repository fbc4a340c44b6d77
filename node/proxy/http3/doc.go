// Package http3 serves HTTP/3 on a UDP socket that others open. QUIC, frames and QPACK are the matter of quic-go; this package
// bounds what clients may ask of it, gives handlers the request that other versions of HTTP would have given them, and brings
// connections to their end.
//
// It promises that no request comes as early data, that a client that makes work for nothing is cut off, that one who sends from
// an address that may not be its own costs little, that a connection ends when its client has shown that it has another address, and
// that a server that stops lets its clients finish (GOAWAY).
package http3
