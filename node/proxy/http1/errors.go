package http1

import (
	"errors"
	"net/http"
)

// Malformed is a request that is not handed to the handler.
type Malformed struct {
	Status int    // of the answer: 400, 408, 413, 417, 431 or 505
	Reason string // what is wrong with it, in words; nothing of the request stands in it
}

// Error says what is wrong.
func (m *Malformed) Error() string { return m.Reason }

func bad(reason string) error { return &Malformed{Status: http.StatusBadRequest, Reason: reason} }

// errOver is what writing gives after the handler has returned.
var errOver = errors.New("http1: the response is over")

// What is wrong with a request, where several places find it.
var (
	errTwoHosts   = bad("the request names two hosts")
	errTwoLengths = bad("there are two lengths")
	errTarget     = bad("the target of the request is malformed")
	errBareLF     = bad("a line does not end in CR LF")
	errName       = bad("the name of a header field is malformed")
	errControl    = bad("a control byte stands where none may")
	errNoHead     = bad("the request line is not METHOD TARGET HTTP/1.x")
	errTooLong    = error(&Malformed{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the header is too long"})
	errTooMany    = error(&Malformed{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the header has too many fields"})
	errSlow       = error(&Malformed{Status: http.StatusRequestTimeout, Reason: "the header took too long"})
	errVersion    = error(&Malformed{Status: http.StatusHTTPVersionNotSupported, Reason: "the version is not HTTP/1.0 or HTTP/1.1"})
	errCoding     = bad("the transfer coding is not chunked") // what has no one reading is refused before it is called unknown (RFC 9112, section 6.1: 501)
	errExpect     = error(&Malformed{Status: http.StatusExpectationFailed, Reason: "something is expected that is not 100-continue"})
	errChunk      = bad("the body is not in chunks")
	errTrailer    = bad("the trailer is malformed")
	errTrailerBig = error(&Malformed{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the trailer is too long"})
)
