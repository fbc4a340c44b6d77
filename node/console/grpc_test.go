package console

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func TestGRPCIsRefusedInItsHeaders(t *testing.T) {
	for status, want := range map[int]string{
		400: "3", 401: "16", 403: "7", 404: "12", 405: "12", 429: "8", 500: "2", 502: "14", 503: "14", 504: "4",
	} {
		f := denial()
		f.Status = status
		out := refused(t, f, "Content-Type", "application/grpc+proto", "Accept", browserAccept)
		h := out.Header()
		if out.Code != http.StatusOK || h.Get("Grpc-Status") != want || h.Get("Content-Type") != "application/grpc+proto" || out.Body.Len() > 0 {
			t.Errorf("%d: got %d with %v and %q, want grpc-status %s", status, out.Code, h, out.Body, want)
		}
		if m := h.Get("Grpc-Message"); m != "You may not open this: Only %3Cb%3Eadmins%3C%2Fb%3E may. %28request req-1%29" {
			t.Errorf("grpc-message is %q", m)
		}
	}
}

func TestGRPCWebIsRefusedInItsBody(t *testing.T) {
	const trailers = "grpc-status: 7\r\ngrpc-message: You may not open this: Only %3Cb%3Eadmins%3C%2Fb%3E may. %28request req-1%29\r\n"
	frame := "\x80\x00\x00\x00" + string(rune(len(trailers))) + trailers
	for contentType, want := range map[string]string{
		"application/grpc-web": frame, "application/grpc-web+proto": frame, "Application/GRPC-Web+json": frame,
		"application/grpc-web-text":                     base64.StdEncoding.EncodeToString([]byte(frame)),
		"application/grpc-web-text+proto; charset=utf8": base64.StdEncoding.EncodeToString([]byte(frame)),
	} {
		out := refused(t, denial(), "Content-Type", contentType, "Accept", browserAccept, "X-Requested-With", "XMLHttpRequest")
		if out.Code != http.StatusOK || out.Header().Get("Content-Type") != contentType || out.Body.String() != want {
			t.Errorf("%s: got %d with %v and %q", contentType, out.Code, out.Header(), out.Body)
		}
	}
}

func TestWhatOnlyLooksLikeGRPCIsRefusedAsAProgramIs(t *testing.T) {
	for _, contentType := range []string{"application/grpcx", "application/grpc-websocket", "text/plain; application/grpc", ""} {
		out := refused(t, denial(), "Content-Type", contentType)
		if out.Code != http.StatusForbidden || !strings.HasPrefix(out.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%q: got %d with %v", contentType, out.Code, out.Header())
		}
	}
}
