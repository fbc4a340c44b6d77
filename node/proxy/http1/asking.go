package http1

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// writeRequest writes the line and the header of a request. Host, length and coding are written from the request, and not from its
// header; what would break out of its line is made harmless.
func writeRequest(w *bufio.Writer, r *http.Request) error {
	target := r.URL.RequestURI()
	if r.Method == "" || !all([]byte(r.Method), inToken) || !all([]byte(target), inTarget) || !all([]byte(r.Host), inTarget) {
		return errNoHead
	}
	_, _ = w.WriteString(r.Method)
	_ = w.WriteByte(' ')
	_, _ = w.WriteString(target)
	_, _ = w.WriteString(" HTTP/1.1\r\nHost: ")
	_, _ = w.WriteString(r.Host)
	_, _ = w.WriteString("\r\n")
	switch {
	case hasBody(r) && bodyLength(r) > 0:
		var room [20]byte
		_, _ = w.WriteString("Content-Length: ")
		_, _ = w.Write(strconv.AppendInt(room[:0], r.ContentLength, 10))
		_, _ = w.WriteString("\r\n")
	case hasBody(r):
		_, _ = w.WriteString("Transfer-Encoding: chunked\r\n")
		announce(w, r.Trailer)
	case r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		_, _ = w.WriteString("Content-Length: 0\r\n")
	}
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		case "User-Agent":
			if len(values) == 1 && values[0] == "" {
				continue // net/http's way to say: none
			}
		}
		if !validName(name) {
			continue
		}
		for _, value := range values {
			writeField(w, name, value)
		}
	}
	_, err := w.WriteString("\r\n")
	return err
}

func announce(w *bufio.Writer, trailer http.Header) {
	if len(trailer) == 0 {
		return
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, name)
	}
	writeField(w, "Trailer", strings.Join(names, ", "))
}

func expects(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Expect"), "100-continue")
}

// sendBody sends the body of a request; behind it, of one in chunks, the trailer.
func (u *upstream) sendBody(w *bufio.Writer, r *http.Request) {
	defer closeBody(r)
	defer u.transport.writers.put(w)
	if u.fail = copyBody(w, r, func() { u.ending.Store(true) }); u.fail == nil {
		u.fail = w.Flush()
	}
	if u.fail == nil {
		u.waitForAnswer()
	}
	failed := u.fail != nil
	close(u.sent) // from here on the connection is others'
	if failed {
		_ = u.input.conn.Close() // half a body must not look whole, and nobody answers it
	}
}

// copyBody sends a body; it says when it comes to the last bytes.
func copyBody(w *bufio.Writer, r *http.Request, ending func()) error {
	buffer := make([]byte, 2*bufferSize)
	left := bodyLength(r)
	for {
		n, err := r.Body.Read(buffer)
		if int64(n) == left {
			ending()
		}
		if n > 0 {
			if e := writePiece(w, buffer[:n], &left); e != nil {
				return e
			}
		}
		switch {
		case left == 0:
			return nil
		case err == io.EOF && left > 0:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			ending()
			return endChunks(w, r.Trailer)
		case err != nil:
			return err
		}
	}
}

// writePiece writes some bytes of a body and sends them at once: who waits for them may be about to answer. left is what is
// to come by the length; below zero: there is none, and they are a chunk.
func writePiece(w *bufio.Writer, b []byte, left *int64) error {
	if *left >= 0 {
		if *left -= int64(len(b)); *left < 0 {
			return http.ErrContentLength
		}
		_, _ = w.Write(b)
		return w.Flush()
	}
	var room [20]byte
	_, _ = w.Write(append(strconv.AppendInt(room[:0], int64(len(b)), 16), '\r', '\n'))
	_, _ = w.Write(b)
	_, _ = w.WriteString("\r\n")
	return w.Flush()
}

func endChunks(w *bufio.Writer, trailer http.Header) error {
	_, _ = w.WriteString("0\r\n")
	for name, values := range trailer {
		for _, value := range values {
			writeField(w, name, value)
		}
	}
	_, err := w.WriteString("\r\n")
	return err
}
