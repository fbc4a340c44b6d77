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

// cookie is the value of a cookie as it was sent, "" when it was not.
func cookie(r *http.Request, name string) string {
	k, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return k.Value
}
