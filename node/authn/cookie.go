package authn

import (
	"encoding/base64"
	"sync"
	"time"

	"picket/broker"
	"picket/node/config"
)

// A session cookie is
//
//	1.SESSION.TAG
//
// SESSION is the session id, 22 characters of base64url; TAG is 43: HMAC-SHA-256 over the role of the host, the
// origin and SESSION. So a cookie is good for the one origin that it was made for.
const (
	cookieLength = 2 + idLength + 1 + tagText
	tagText      = 43 // the length of a tag's text
)

// strict refuses what another decoder would read differently: stray bits at the end.
var strict = base64.RawURLEncoding.Strict()

// CookieName is the name of the session cookie on an origin.
func CookieName(o config.Origin) string {
	if o.Secure() {
		return "__Host-picket"
	}
	return "picket"
}

// BindingName is the name of the cookie that ties the steps of a sign-in to one browser.
func BindingName(o config.Origin) string {
	if o.Secure() {
		return "__Host-picket-begin"
	}
	return "picket-begin"
}

// cookies makes and checks session cookies. It is safe for concurrent use.
type cookies struct {
	tagger  *broker.Tagger
	sso     config.Origin // the authenticate host: its cookie is of another role
	scratch sync.Pool     // of *[]byte: what is authenticated, without an allocation
}

func newCookies(keys *broker.Keyring, sso config.Origin) *cookies {
	return newTagged(keys.Tagger("cookie v1"), sso)
}

func newTagged(tagger *broker.Tagger, sso config.Origin) *cookies {
	return &cookies{
		tagger:  tagger,
		sso:     sso,
		scratch: sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }},
	}
}

// make is the value of the cookie of a session on an origin.
func (c *cookies) make(o config.Origin, session string) string {
	tag := c.tagger.Append(nil, c.message(nil, o, session))
	return "1." + session + "." + base64.RawURLEncoding.EncodeToString(tag)
}

// open is the session id in a cookie that was made for this origin; ok is false for any other text. It allocates nothing.
func (c *cookies) open(o config.Origin, cookie string) (session string, ok bool) {
	session, tag, ok := parseCookie(cookie)
	if !ok {
		return "", false
	}
	if !c.check(c.tagger.Verify, o, session, &tag) {
		return "", false
	}
	return session, true
}

// current tells whether a cookie that opens was made with the cluster's first secret.
func (c *cookies) current(o config.Origin, cookie string) bool {
	session, tag, ok := parseCookie(cookie)
	return ok && c.check(c.tagger.Present, o, session, &tag)
}

func (c *cookies) check(how func(msg, tag []byte) bool, o config.Origin, session string, tag *[broker.TagSize]byte) bool {
	buf := c.scratch.Get().(*[]byte)
	defer c.scratch.Put(buf)
	*buf = append((*buf)[:0], tag[:]...)
	*buf = c.message(*buf, o, session)
	return how((*buf)[len(tag):], (*buf)[:len(tag)])
}

// message appends what the tag is over. No part but the last can hold a NUL, so no two cookies share one. It is short: with
// most hosts it fits into one block of SHA-256.
func (c *cookies) message(b []byte, o config.Origin, session string) []byte {
	role := byte('r') // of a route
	if o == c.sso {
		role = 's'
	}
	b = append(b, role)
	b = append(b, o.Scheme...)
	b = append(b, 0)
	b = append(b, o.Host...)
	b = append(b, 0)
	b = append(b, o.Port...)
	b = append(b, 0)
	return append(b, session...)
}

// parseCookie takes a cookie apart; ok is false unless it is exactly of the form above.
func parseCookie(cookie string) (session string, tag [broker.TagSize]byte, ok bool) {
	session, text, ok := cutCookie(cookie)
	var raw [broker.TagSize]byte
	if !ok || !decodes(session, raw[:16]) {
		return "", tag, false
	}
	return session, tag, decodes(text, tag[:])
}

// cutCookie finds the two texts in a cookie by their places; ok is false where these are not as above.
func cutCookie(cookie string) (session, tag string, ok bool) {
	if len(cookie) != cookieLength || cookie[:2] != "1." || cookie[2+idLength] != '.' {
		return "", "", false
	}
	return cookie[2 : 2+idLength], cookie[2+idLength+1:], true
}

// decodes fills dst from text, which must be the one base64url text of exactly so many bytes.
func decodes(text string, dst []byte) bool {
	var src [64]byte
	n := copy(src[:], text)
	if n != len(text) || base64.RawURLEncoding.EncodedLen(len(dst)) != n {
		return false
	}
	var out [48]byte
	got, err := strict.Decode(out[:], src[:n])
	if err != nil || got != len(dst) { // the decoder skips line breaks, and so comes out short
		return false
	}
	copy(dst, out[:got])
	return true
}

// sessionCookie is the cookie that carries a session on an origin.
func (a *Authn) sessionCookie(o config.Origin, s *Session) Cookie {
	same := a.conf.Session.SameSite
	if o == a.sso() || same == "" || same == "none" && !o.Secure() {
		same = "lax" // browsers refuse None without Secure; and providers send people to the sign-on host from their own site
	}
	return Cookie{Name: CookieName(o), Value: a.cookies.make(o, s.ID), Expires: s.Expires, Secure: o.Secure(), SameSite: same}
}

// Renewed is a cookie in place of one that was Found to carry s and was made with a secret that is to be removed; ok is
// false for one that needs no other.
func (a *Authn) Renewed(o config.Origin, cookie string, s *Session) (k Cookie, ok bool) {
	if a.cookies.current(o, cookie) {
		return Cookie{}, false
	}
	return a.sessionCookie(o, s), true
}

// noCookie removes the session cookie of an origin.
func noCookie(o config.Origin) Cookie {
	return Cookie{Name: CookieName(o), Expires: time.Unix(1, 0), Secure: o.Secure(), SameSite: "lax"}
}
