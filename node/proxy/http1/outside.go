package http1

// Look notes which known names are among the fields, so that Has is cheap. It is for who fills a Head otherwise than from the bytes
// of HTTP/1.1.
func (h *Head) Look() {
	h.seen = looked
	for i := range h.Fields {
		h.seen |= 1 << h.Fields[i].Known()
	}
}

// Sound tells whether a field was found to be well formed when it was made (NewField) or read.
func (f *Field) Sound() bool { return f.known != unread }

// ValidMethod tells whether a text is a method: a token (RFC 9110, section 9.1) without an underscore.
func ValidMethod(text string) bool { return text != "" && all(text, inToken) }

// ValidTarget tells whether a text may be the target of a request, or a host: visible ASCII.
func ValidTarget(text string) bool { return text != "" && all(text, inTarget) }

// ParseLength reads a length: digits, and nothing else (RFC 9110, section 8.6).
func ParseLength(text string) (n int64, ok bool) { return parseLength(text) }

// Bodiless tells whether a response to a method has no body, whatever its fields say (RFC 9110, section 6.4.1).
func Bodiless(method string, status int) bool { return bodiless(method, status) }
