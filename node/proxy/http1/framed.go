package http1

import (
	"bufio"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// send writes the header and what was held back, once. ended: nothing follows, and what was held back is the body.
func (w *response) send(ended bool) {
	if w.sent {
		return
	}
	w.sent = true
	w.goOn.begin()
	w.trailers = announced(w.header)
	if ended && w.length < 0 && !w.noBody && len(w.trailers) == 0 {
		w.length = w.written
		w.header["Content-Length"] = []string{strconv.FormatInt(w.written, 10)}
	}
	w.frame()
	w.statusLine(w.status)
	w.fields(func(name string) bool {
		return name == "Transfer-Encoding" || name == "Connection" || w.noLength() && name == "Content-Length"
	})
	if _, dated := w.header["Date"]; !dated {
		_, _ = w.out.WriteString(w.conn.server.dateLine())
	}
	if w.last {
		_, _ = w.out.WriteString("Connection: close\r\n")
	}
	if w.chunked {
		_, _ = w.out.WriteString("Transfer-Encoding: chunked\r\n")
	}
	_, err := w.out.WriteString("\r\n")
	w.fail(err)
	w.piece(len(w.pending), w.pending, "")
	w.pending = nil
}

// noLength tells whether the response may not even say a length (RFC 9110, section 8.6).
func (w *response) noLength() bool { return w.status < 200 || w.status == http.StatusNoContent }

// frame decides how the body is framed, and whether the connection goes on.
func (w *response) frame() {
	for _, line := range w.header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			w.last = w.last || strings.EqualFold(strings.TrimSpace(option), "close")
		}
	}
	w.last = w.last || w.conn.server.draining() || !w.goOn.said() // a body that may or may not come ends it
	switch {
	case w.noBody, w.length >= 0:
	case w.minor == 1:
		w.chunked = true
	default:
		w.last = true
	}
}

func (w *response) statusLine(status int) {
	var room [16]byte
	b := append(room[:0], "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	_, _ = w.out.Write(b)
	_, _ = w.out.WriteString(http.StatusText(status))
	_, _ = w.out.WriteString("\r\n")
}

// fields writes the header but for some names, and for trailers.
func (w *response) fields(not func(name string) bool) {
	for name, values := range w.header {
		if not(name) || strings.HasPrefix(name, http.TrailerPrefix) || !all([]byte(name), inToken) && !validName(name) {
			continue
		}
		if slices.Contains(w.trailers, name) {
			continue
		}
		for _, value := range values {
			w.field(name, value)
		}
	}
}

// validName lets the names of responses hold an underscore: they are the application's.
func validName(name string) bool {
	return name != "" && all([]byte(strings.ReplaceAll(name, "_", "")), inToken)
}

// field writes one field.
func (w *response) field(name, value string) { writeField(w.out, name, value) }

// writeField writes one field. A value cannot break out of its line.
func writeField(w *bufio.Writer, name, value string) {
	_, _ = w.WriteString(name)
	_, _ = w.WriteString(": ")
	for i := range len(value) {
		if classes[value[i]]&inValue == 0 {
			value = strings.Map(harmless, value)
			break
		}
	}
	_, _ = w.WriteString(value)
	_, _ = w.WriteString("\r\n")
}

func harmless(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return ' '
	}
	return r
}

// announced are the names that the handler set in Trailer, canonical.
func announced(h http.Header) (names []string) {
	for _, line := range h["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}

// finish ends the response. It tells whether the connection may go on.
func (w *response) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.send(true)
	if w.chunked && w.err == nil {
		_, _ = w.out.WriteString("0\r\n")
		w.writeTrailers()
		_, err := w.out.WriteString("\r\n")
		w.fail(err)
	}
	if w.length >= 0 && w.written < w.length && !w.noBody {
		w.last = true // the handler promised more than it gave
	}
	w.flush()
	return w.err == nil && !w.last
}

func (w *response) writeTrailers() {
	for _, name := range w.trailers {
		for _, value := range w.header[name] {
			w.field(name, value)
		}
	}
	for name, values := range w.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && all([]byte(rest), inToken) {
			for _, value := range values {
				w.field(rest, value)
			}
		}
	}
}
