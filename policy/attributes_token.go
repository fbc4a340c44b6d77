package policy

import "github.com/hashicorp/hcl/v2"

// accessToken is what templates may ask for, and rules may not: a token is a secret to be handed on, and a decision is
// written down with all that it was about.
const accessToken = "session.access_token"

// accessToken is the node of the token, where it may be asked for.
func (c *checker) accessToken(at hcl.Range) node {
	if !c.tokens {
		c.mistake(at, notHere, "%s is for the values of request_headers alone.", accessToken)
		return bad(at)
	}
	c.asked = true
	a := &attribute{name: accessToken, kind: text, run: eval[string](func(f *frame) (string, bool) { return f.token, f.token != "" })}
	return a.node(at)
}
