package proxy

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	spec "github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	cases "github.com/summerwind/h2spec/spec"

	"picket/node/config"
)

// exceptionsInTheClear are the cases of h2spec that are not run without TLS, each with what the RFC says that allows it.
var exceptionsInTheClear = map[string]string{
	"Sends invalid connection preface": "The client is taken for one of HTTP/1.1, which is spoken there too, and told 400: GOAWAY may be omitted, since " +
		"an invalid preface indicates that the peer is not using HTTP/2 (RFC 9113, section 3.4).",
}

func TestH2spec(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, strings.Repeat("more than a window ", 8<<10))
	})
	var alone sync.Mutex // h2spec has one log, which it does not guard
	for name, secure := range map[string]bool{"over TLS": true, "in the clear": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, app, func(c *config.Config) {
				c.Routes[1].From.Host = "localhost"
				if secure {
					c.Listeners[0].Certificates = []config.Certificate{certificate(t, "localhost")}
				}
			})
			_, port, err := net.SplitHostPort(w.address)
			w.must(err)
			number, err := strconv.Atoi(port)
			w.must(err)
			about := &spec.Config{
				Host: "localhost", Port: number, Path: "/", Timeout: 30 * time.Second, MaxHeaderLen: 4000, TLS: secure, Insecure: true, Strict: true,
			}
			for _, group := range []*cases.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
				leaveOut(group, secure)
				tested(&alone, group, about)
				failures(t, group)
			}
		})
	}
}

func tested(alone *sync.Mutex, g *cases.TestGroup, about *spec.Config) {
	alone.Lock()
	defer alone.Unlock()
	g.Test(about)
}

// leaveOut takes the exceptions out of a group.
func leaveOut(g *cases.TestGroup, secure bool) {
	g.Tests = slices.DeleteFunc(g.Tests, func(c *cases.TestCase) bool {
		return !secure && exceptionsInTheClear[c.Desc] != ""
	})
	for _, inner := range g.Groups {
		leaveOut(inner, secure)
	}
}

func failures(t *testing.T, g *cases.TestGroup) {
	for _, c := range g.Tests {
		if c.Result == nil || c.Result.Failed || c.Result.Skipped {
			t.Errorf("%s: %s: %+v", g.ID(), c.Desc, c.Result.Error)
		}
	}
	for _, inner := range g.Groups {
		failures(t, inner)
	}
}
