// Package http1 is HTTP/1.1 on the wire: Server reads requests from a connection and writes responses to it, Transport asks
// applications.
//
// It promises the strictest reading of RFC 9110 and RFC 9112: whatever two parsers could read differently is answered 400,
// and the connection ends; what it does accept, net/http reads the same way (a fuzz test holds that). One goroutine owns a
// connection and runs the handler itself; a second one exists only while a handler takes long, to notice that the client
// left. A connection that waits for its next request holds no buffer.
//
// Heads are flat lists of fields, whose text is one copy of what stood on the wire; no map is made of them. Request, Client and
// Question are the form in which other protocols come as well: their adapters fill them, and nobody behind them knows which it was.
//
// It knows nothing of routes, sessions or picket; what a request means is its handler's matter. HTTP/2 and TLS are left to others.
package http1
