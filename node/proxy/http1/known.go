package http1

// Known is a field name that somebody between a client and an application goes by, whatever its case.
type Known uint8

// The names. Other is all that is none of them.
const (
	unread Known = iota // nobody looked
	Other
	Accept
	AltSvc
	Authorization
	CacheControl
	Connection
	ContentLength
	Cookie
	Date
	Expect
	Host
	KeepAlive
	Origin
	PreflightMethod // Access-Control-Request-Method
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	RequestedWith // X-Requested-With
	SecFetchDest
	SecFetchMode
	SetCookie
	SocketKey     // Sec-WebSocket-Key
	SocketVersion // Sec-WebSocket-Version
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	XForwardedFor
	XRequestID
)

// Know tells which name it is. It looks at the length first: most are then known to be another.
func Know(name string) Known {
	switch len(name) {
	case 2:
		return either(name, "te", TE, "", 0)
	case 4:
		return either(name, "host", Host, "date", Date)
	case 6:
		if known := either(name, "cookie", Cookie, "accept", Accept); known != Other {
			return known
		}
		return either(name, "expect", Expect, "origin", Origin)
	case 7:
		if known := either(name, "upgrade", Upgrade, "trailer", Trailer); known != Other {
			return known
		}
		return either(name, "alt-svc", AltSvc, "", 0)
	case 10:
		if known := either(name, "connection", Connection, "user-agent", UserAgent); known != Other {
			return known
		}
		return either(name, "keep-alive", KeepAlive, "set-cookie", SetCookie)
	case 12:
		return either(name, "x-request-id", XRequestID, "", 0)
	case 13:
		return either(name, "cache-control", CacheControl, "authorization", Authorization)
	case 14:
		if known := either(name, "content-length", ContentLength, "sec-fetch-dest", SecFetchDest); known != Other {
			return known
		}
		return either(name, "sec-fetch-mode", SecFetchMode, "", 0)
	case 15:
		return either(name, "x-forwarded-for", XForwardedFor, "", 0)
	case 16:
		return either(name, "proxy-connection", ProxyConnection, "x-requested-with", RequestedWith)
	case 17:
		return either(name, "transfer-encoding", TransferEncoding, "sec-websocket-key", SocketKey)
	case 18:
		return either(name, "proxy-authenticate", ProxyAuthenticate, "", 0)
	case 19:
		return either(name, "proxy-authorization", ProxyAuthorization, "", 0)
	case 21:
		return either(name, "sec-websocket-version", SocketVersion, "", 0)
	case 29:
		return either(name, "access-control-request-method", PreflightMethod, "", 0)
	}
	return Other
}

func either(name, one string, isOne Known, two string, isTwo Known) Known {
	switch {
	case EqualFold(name, one):
		return isOne
	case EqualFold(name, two):
		return isTwo
	}
	return Other
}
