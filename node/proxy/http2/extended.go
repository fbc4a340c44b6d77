package http2

import (
	"sync"
	_ "unsafe" // for go:linkname
)

// disableExtendedConnectProtocol is the switch by which golang.org/x/net/http2 keeps the extended CONNECT of RFC 8441 to itself.
// The way that it offers to turn it is an environment variable that is read before main begins, which a program cannot set for
// itself. A test sees to it that the switch is still there.
//
//go:linkname disableExtendedConnectProtocol golang.org/x/net/http2.disableExtendedConnectProtocol
var disableExtendedConnectProtocol bool

// offerExtendedConnect has all servers of the process announce SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3).
var offerExtendedConnect = sync.OnceFunc(func() { disableExtendedConnectProtocol = false })
