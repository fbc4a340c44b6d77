package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/node/authz"
	"picket/node/proxy/http1"
)

// webSocket is the token of WebSockets, over HTTP/1.1 (RFC 6455) and as an extended CONNECT (RFC 8441).
const webSocket = "websocket"

// wantedProtocol is what a request wants to be spoken after it (RFC 9110, section 7.8); "": nothing that could be. A lame
// handshake of a WebSocket is an error.
func wantedProtocol(r *http1.Request) (string, error) {
	if r.Protocol == webSocket {
		return webSocket, checkVersion(r)
	}
	if !r.Upgrade || r.Major != 1 || r.Minor != 1 {
		return "", nil
	}
	upgrades := slices.Collect(r.Fields.All(http1.Upgrade))
	if httpguts.HeaderValuesContainsToken(upgrades, webSocket) {
		return webSocket, checkHandshake(r, upgrades)
	}
	token := ""
	if len(upgrades) == 1 {
		token = strings.TrimSpace(upgrades[0])
	}
	if strings.ContainsAny(token, ", \t") {
		return "", nil // a choice of several, which nobody has to make
	}
	return token, nil
}

// checkHandshake holds a request for a WebSocket to RFC 6455, section 4.2.1.
func checkHandshake(r *http1.Request, upgrades []string) error {
	keys := slices.Collect(r.Fields.All(http1.SocketKey))
	switch {
	case r.Method != http.MethodGet:
		return errors.New("a WebSocket is opened by GET over HTTP/1.1")
	case r.Length != 0:
		return errors.New("a request for a WebSocket has no body")
	case len(upgrades) != 1 || !strings.EqualFold(strings.TrimSpace(upgrades[0]), webSocket):
		return errors.New("the request wants to be two protocols at once")
	case len(keys) != 1 || len(keys[0]) != 24:
		return errors.New("the request for a WebSocket has no key")
	}
	return checkVersion(r)
}

func checkVersion(r *http1.Request) error {
	versions := slices.Collect(r.Fields.All(http1.SocketVersion))
	if len(versions) != 1 || versions[0] != "13" {
		return errors.New("the request is for a version of WebSocket that is not 13")
	}
	return nil
}

// checkUpgrade lets a request switch to another protocol where the route says so, and only from a page of the same origin:
// browsers open WebSockets to any host, with its cookies (RFC 6455, section 10.2). To what else a request wants to switch nobody
// listens, as RFC 9110 has it, and it does not go upstream: the request is an ordinary one.
func (d *Door) checkUpgrade(a *ask) *authz.Refusal {
	switch {
	case a.wants == "":
		return nil
	case a.in.Request.WebSocket:
		if !a.route.WebSocket {
			return noSocket(a.route.Name)
		}
	case !a.route.switchesTo(a.wants):
		a.wants = ""
		return nil
	case a.r.Length != 0:
		return malformed("a request to switch to another protocol has no body")
	}
	for from := range a.r.Fields.All(http1.Origin) {
		if from != a.origin.String() {
			return foreignOrigin(a.route.Name)
		}
	}
	return nil
}

// lets tells whether requests of the route may be for a protocol; "" is that of the request.
func (r *route) lets(protocol string) bool {
	switch protocol {
	case "":
		return true
	case webSocket:
		return r.WebSocket
	}
	return r.switchesTo(protocol)
}

// switchesTo tells whether requests of the route may switch to a protocol other than WebSocket. Tokens are compared as RFC 9110,
// section 7.8 asks for.
func (r *route) switchesTo(token string) bool {
	return slices.ContainsFunc(r.Upgrade, func(t string) bool { return strings.EqualFold(t, token) })
}
