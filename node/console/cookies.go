package console

import (
	"net/http"
	"strings"
	"time"

	"picket/node/authn"
)

// setCookies writes the cookies of a step. All are out of reach of scripts and hold for the whole host.
func setCookies(w http.ResponseWriter, cookies []authn.Cookie, now time.Time) {
	for _, k := range cookies {
		http.SetCookie(w, httpCookie(k, now))
	}
}

func httpCookie(k authn.Cookie, now time.Time) *http.Cookie {
	out := &http.Cookie{
		Name: k.Name, Value: k.Value, Path: "/", HttpOnly: true, Secure: k.Secure,
		Expires: k.Expires, SameSite: sameSite(k.SameSite),
	}
	if !k.Expires.IsZero() && k.Expires.Before(now) {
		out.Value, out.MaxAge = "", -1
	}
	return out
}

// sameSite is strict or none where it says so, and lax otherwise.
func sameSite(word string) http.SameSite {
	switch strings.ToLower(word) {
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// cookie is the value of a cookie as it was sent, "" unless it is there once: of several, one was planted, and nobody knows which.
// The door reads them alike.
func cookie(r *http.Request, name string) string {
	value, times := "", 0
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if key, text, ok := strings.Cut(pair, "="); ok && strings.Trim(key, " \t") == name {
				value, times = strings.Trim(text, " \t"), times+1
			}
		}
	}
	if times != 1 {
		return ""
	}
	return value
}
