package console

import (
	"net/http"
	"strconv"
	"strings"
)

// kind is who reads an answer.
type kind uint8

const (
	program kind = iota // JSON; also whoever does not say
	person              // a page
	grpc                // a gRPC client: the status is in the headers
	grpcWeb             // a gRPC client in a page: the status is in the body
)

// reader tells who reads the answer to r. A person is a browser that goes to an address: it names text/html in
// Accept, no less liked than JSON, and where it says what it is doing (Sec-Fetch-Mode), it navigates.
func reader(r *http.Request) kind {
	if k, ok := speaksGRPC(r.Header.Get("Content-Type")); ok {
		return k
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return program
	}
	if r.Header.Get("X-Requested-With") != "" {
		return program
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	page := max(quality(accept, "text/html"), quality(accept, "application/xhtml+xml"))
	if page > 0 && page >= quality(accept, "application/json") {
		return person
	}
	return program
}

// quality is the weight that an Accept field gives to a media type which it names in full, 0 when it does not
// (RFC 9110, section 12.5.1). Ranges such as */* name nothing: every program sends them.
func quality(accept, media string) float64 {
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), media) {
			continue
		}
		return weight(params)
	}
	return 0
}

// weight reads q among the parameters of a media range: 1 when there is none, 0 when it is not a weight.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(key, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
