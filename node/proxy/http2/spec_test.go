package http2

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	spec2 "github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

func TestSpec(t *testing.T) {
	for name, secure := range map[string]bool{"TLS": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, secure, ok)
			host, port, err := net.SplitHostPort(w.address)
			w.must(err)
			number, err := strconv.Atoi(port)
			w.must(err)
			c := &config.Config{Host: host, Port: number, Path: "/", Timeout: 5 * time.Second, MaxHeaderLen: 4000, TLS: secure, Insecure: true, Strict: true}
			for _, group := range []*spec.TestGroup{generic.Spec(), spec2.Spec(), hpack.Spec()} {
				group.Test(c)
				failures(t, group)
			}
		})
	}
}

func failures(t *testing.T, g *spec.TestGroup) {
	for _, c := range g.Tests {
		if c.Result != nil && c.Result.Failed {
			t.Errorf("%s: %s: %v", g.ID(), c.Desc, c.Result.Error)
		}
	}
	for _, inner := range g.Groups {
		failures(t, inner)
	}
}
