package http1

import (
	"net/http"
	"strconv"
	"strings"
)

// Question is a request for an application.
type Question struct {
	Life *Life // its end ends the question

	Method      string
	Path, Query string // as they are sent; Query "": there is none
	Host        string // that the application is sent
	Fields      Fields // that came from the client; what of them frames a message is left out
	Given       Fields // that are added to them

	Body     Body     // nil: there is none
	Length   int64    // of the body, in bytes; -1: it is not known
	Expect   bool     // the body waits for 100 Continue
	Trailers []string // names of what may stand behind a body of unknown length; what else does is left out

	Informed Informed // is told of each informational response; nil: nobody is

	Room Fields // that the fields of the answer may be put into; nil: new

	answer answered // that is given, of a question without a body, once
	gave   bool     // it was
}

// Informed takes what an application says before it responds.
type Informed interface {
	Inform(status int, fields Fields) error
}

// Keeps tells whether an answer is part of the question: neither has or had a body that somebody else may still be at.
func (q *Question) Keeps(a *Answer) bool { return a == &q.answer.Answer }

// Answer is the response of an application.
type Answer struct {
	Status    int
	Fields    Fields   // without Transfer-Encoding
	Length    int64    // of the body, or of the one that it tells of, in bytes; -1: it does not say
	Body      Body     // nil: there is none. It must be closed
	Announced []string // names of trailers
}

// Close closes the body, where there is one.
func (a *Answer) Close() {
	if a.Body != nil {
		_ = a.Body.Close()
	}
}

// close closes the body, where there is one.
func (q *Question) close() {
	if q.Body != nil {
		_ = q.Body.Close()
	}
}

// repeatable tells whether sending a question twice is like sending it once.
func (q *Question) repeatable() bool {
	if q.Body != nil {
		return false
	}
	switch q.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// appendHead writes the line and the header. Host, length and coding are written from the question, and not from its fields;
// what would break out of its line is an error, or made harmless.
func (q *Question) appendHead(b []byte) ([]byte, error) {
	if q.Method == "" || !all(q.Method, inToken) || q.Path == "" || !all(q.Path, inTarget) || !all(q.Query, inTarget) || !all(q.Host, inTarget) {
		return b, errNoHead
	}
	b = append(append(append(b, q.Method...), ' '), q.Path...)
	if q.Query != "" {
		b = append(append(b, '?'), q.Query...)
	}
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), q.Host...), "\r\n"...)
	switch {
	case q.Body != nil && q.Length > 0:
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), q.Length, 10), '\r', '\n')
	case q.Body != nil:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		if len(q.Trailers) > 0 {
			b = appendField(b, "Trailer", strings.Join(q.Trailers, ", "))
		}
	case q.Method == http.MethodPost, q.Method == http.MethodPut, q.Method == http.MethodPatch:
		b = append(b, "Content-Length: 0\r\n"...)
	}
	b = appendFields(b, q.Fields)
	b = appendFields(b, q.Given)
	return append(b, '\r', '\n'), nil
}

func appendFields(b []byte, fields Fields) []byte {
	for i := range fields {
		switch fields[i].Known() {
		case Host, ContentLength, TransferEncoding, Trailer:
		default:
			b = fields[i].append(b)
		}
	}
	return b
}
