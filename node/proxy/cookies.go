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

// soleCookies are the texts of two cookies in Cookie fields (RFC 6265, section 5.4), each "" unless it is there once: of several,
// one was planted, and nobody knows which.
func soleCookies(fields http1.Fields, names [2]string) (texts [2]string) {
	var times [2]int
	for i := range fields {
		if fields[i].Known() != http1.Cookie {
			continue
		}
		for rest, more := fields[i].Value, true; more; {
			var pair string
			pair, rest, more = strings.Cut(rest, ";")
			key, value, ok := cutPair(pair)
			for n, name := range names {
				if ok && key == name {
					texts[n] = trimBlanks(value)
					times[n]++
				}
			}
		}
	}
	for n := range texts {
		if times[n] != 1 {
			texts[n] = ""
		}
	}
	return texts
}

// cutPair cuts a cookie's name, without blanks around it, from its value; ok is false when there is none.
func cutPair(pair string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(pair, "=")
	return trimBlanks(name), value, ok
}

func trimBlanks(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// withoutCookie removes the named cookies from a Cookie field and leaves the others as they are, byte for byte.
func withoutCookie(line string, names []string) string {
	var kept strings.Builder // nothing, while what is kept is before
	before, dropped := line, false
	for at, end := 0, 0; at <= len(line); at = end + 1 {
		if end = strings.IndexByte(line[at:], ';'); end >= 0 {
			end += at
		} else {
			end = len(line)
		}
		pair := line[at:end]
		key, _, _ := cutPair(pair)
		switch ours := among(names, key); {
		case ours && !dropped:
			before, dropped = line[:max(at-1, 0)], true
		case ours || !dropped:
		default:
			if kept.Len() == 0 {
				kept.Grow(len(line)) // once for all
				kept.WriteString(before)
			}
			if kept.Len() == 0 {
				pair = strings.TrimLeft(pair, " \t")
			} else {
				kept.WriteByte(';')
			}
			kept.WriteString(pair)
		}
	}
	if kept.Len() == 0 {
		return before
	}
	return kept.String()
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
