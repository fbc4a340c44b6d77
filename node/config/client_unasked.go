package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// unasked warns of policies that go by the certificates of clients where nobody asks for one: certificate.* then says of
// everyone that there is none, and no rule that wants one is ever true.
func (b block) unasked(c *Config) {
	asked := slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Client.Ask != NotAsked }) ||
		slices.ContainsFunc(c.Routes, func(r Route) bool { return r.Client.Ask != NotAsked })
	if asked || b.partial || len(c.Listeners) == 0 {
		return
	}
	for _, written := range b.blocks("policy") {
		if at, reads := readsCertificate(written.Body); reads {
			b.warn(certificateUnasked, at, "No listener asks for a client's certificate, so of everyone there is none. "+
				"Write client_certificate = \"request\" and client_ca into the listener.")
		}
	}
}

// readsCertificate finds the first place where certificate.* is read.
func readsCertificate(body hcl.Body) (at hcl.Range, reads bool) {
	written, ok := body.(*hclsyntax.Body)
	if !ok {
		return at, false
	}
	_ = hclsyntax.VisitAll(written, func(node hclsyntax.Node) hcl.Diagnostics { // it has nothing to report
		if e, ok := node.(*hclsyntax.ScopeTraversalExpr); ok && e.Traversal.RootName() == "certificate" {
			if !reads || e.SrcRange.Start.Byte < at.Start.Byte {
				at, reads = e.SrcRange, true
			}
		}
		return nil
	})
	return at, reads
}
