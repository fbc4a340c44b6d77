package proxy

import (
	"strconv"
	"strings"

	"picket/node/proxy/http1"
)

// endGRPC ends a response of gRPC that was cut here, by the status that says why: a client that is told nothing asks again at
// once. It tells whether it did. A response that broke off elsewhere, or of another kind, is not made to look whole.
func (x *exchange) endGRPC(answer *http1.Answer) bool {
	if x.r.Major < 2 || x.r.Life.Cause() == nil {
		return false
	}
	contentType, _ := answer.Fields.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	family, _, _ := strings.Cut(strings.TrimSpace(media), "+")
	if !strings.EqualFold(family, "application/grpc") {
		return false
	}
	f := reason(x.ask, nil)
	if f == nil {
		return false // the client left
	}
	f.RequestID = x.id
	status, message := f.GRPC()
	err := x.w.Finish(http1.Fields{{Name: "Grpc-Status", Value: strconv.Itoa(status)}, {Name: "Grpc-Message", Value: message}})
	return err == nil
}
