package authn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"picket/node/config"
)

// A binding is a random value that a browser keeps on one host and that all its tabs share: each step of a sign-in that
// returns to the host must come from the browser that holds it. It is reused as long as it is well-formed, so tabs do
// not displace one another and cookies do not pile up. It carries no tag of ours: whoever could plant one could fetch a
// tagged one for themselves; what keeps others from planting it is the __Host- prefix.

// bind gives the binding that the browser holds, or a new one and the cookie that sets it. On the authenticate host it
// stays when the browser closes: there it is what tells one browser from another.
func (a *Authn) bind(o config.Origin, sent string) (binding string, set []Cookie) {
	if wellFormedBinding(sent) {
		return sent, nil
	}
	c := Cookie{Name: BindingName(o), Value: newID(), Secure: o.Secure(), SameSite: "lax"}
	if o == a.sso() {
		c.Expires = a.now().Add(deviceLife)
	}
	return c.Value, []Cookie{c}
}

func wellFormedBinding(s string) bool {
	var raw [16]byte
	return decodes(s, raw[:])
}

// deviceLife is how long a browser keeps its binding of the authenticate host: as long as browsers keep any cookie
// (RFC 6265bis, section 5.5).
const deviceLife = 400 * 24 * time.Hour

// deviceOf is what a session and policies call the browser with this binding of the authenticate host, "" without one. It
// gives nothing of the binding away.
func deviceOf(binding string) string {
	if !wellFormedBinding(binding) {
		return ""
	}
	sum := sha256.Sum256([]byte("device v1\x00" + binding))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// bindingHash is what a sealed request carries of a binding.
func bindingHash(binding string) string {
	sum := sha256.Sum256([]byte("binding v1\x00" + binding))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// bound tells whether the binding that was sent is the one with this hash.
func bound(hash, sent string) bool {
	if !wellFormedBinding(sent) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(hash), []byte(bindingHash(sent))) == 1
}
