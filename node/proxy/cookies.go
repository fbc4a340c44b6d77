package proxy

import (
	"net/http"
	"strings"
	"time"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// ourCookies are the names of the cookies that are between the browser and us alone.
func ourCookies() []string {
	secure, plain := config.Origin{Scheme: "https"}, config.Origin{Scheme: "http"}
	return []string{
		authn.CookieName(secure), authn.BindingName(secure),
		authn.CookieName(plain), authn.BindingName(plain),
	}
}

// soleCookie is the text of a cookie in Cookie fields (RFC 6265, section 5.4), "" unless it is there once: of two,
// one was planted, and nobody knows which.
func soleCookie(fields http1.Fields, name string) string {
	text, times := "", 0
	for i := range fields {
		if fields[i].Known() != http1.Cookie {
			continue
		}
		for rest, more := fields[i].Value, true; more; {
			var pair string
			pair, rest, more = strings.Cut(rest, ";")
			key, value, ok := strings.Cut(pair, "=")
			if ok && strings.Trim(key, " \t") == name {
				text = strings.Trim(value, " \t")
				times++
			}
		}
	}
	if times != 1 {
		return ""
	}
	return text
}

// withoutCookie removes the named cookies from a Cookie field and leaves the others as they are, byte for byte.
func withoutCookie(line string, names []string) string {
	var b strings.Builder
	dropped := false
	for pair := range strings.SplitSeq(line, ";") {
		key, _, _ := strings.Cut(pair, "=")
		if among(names, strings.Trim(key, " \t")) {
			dropped = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		} else if dropped {
			pair = strings.TrimLeft(pair, " \t")
		}
		b.WriteString(pair)
	}
	if !dropped {
		return line
	}
	return b.String()
}

func among(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// setsAny tells whether a Set-Cookie field would set a cookie of these names. Browsers know the __Host- prefix in any case,
// and send a cookie without a name as its bare value, which then reads as a name.
func setsAny(line string, names []string) bool {
	pair, _, _ := strings.Cut(line, ";")
	pair = strings.Trim(pair, " \t")
	pair = strings.Trim(strings.TrimPrefix(pair, "="), " \t")
	key, _, _ := strings.Cut(pair, "=")
	key = strings.Trim(key, " \t")
	for _, name := range names {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// httpCookie is a cookie of authn as net/http writes it.
func httpCookie(k authn.Cookie, now time.Time) *http.Cookie {
	c := &http.Cookie{
		Name: k.Name, Value: k.Value, Path: "/", Expires: k.Expires, Secure: k.Secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	switch k.SameSite {
	case "strict":
		c.SameSite = http.SameSiteStrictMode
	case "none":
		c.SameSite = http.SameSiteNoneMode
	}
	if !k.Expires.IsZero() && !k.Expires.After(now) {
		c.Value, c.MaxAge = "", -1
	}
	return c
}
