package config

import (
	"net/url"
	"slices"
)

func (b block) identities() []Identity {
	var all []Identity
	for _, i := range b.children("identity") {
		all = append(all, i.identity())
	}
	return all
}

func (b block) identity() Identity {
	i := Identity{
		Name:         b.name,
		Kind:         b.identityKind(),
		ClientSecret: b.clientSecret(),
		Scopes:       b.scopes(),
		GroupsClaim:  b.text("groups_claim", "groups"),
		AuthParams:   b.authParams(),
		CA:           b.authorities("ca"),
		InsecureHTTP: b.flag("insecure_http", false),
		Logout:       b.logout(),
	}
	if w, ok := b.required("issuer", "the URL that the provider calls itself by"); ok {
		i.Issuer = b.issuer(w, i.InsecureHTTP)
	}
	if w, ok := b.required("client_id", "the name that the provider knows picket by"); ok {
		i.ClientID = w.text
	}
	return i
}

func (b block) identityKind() string {
	w, ok := b.required("kind", "write kind = \"oidc\"")
	switch {
	case !ok || w.text == "oidc":
	case slices.Contains(laterKinds(), w.text):
		b.fail(notYet, w.at, "Kind %q is known to the language, but this version of picket knows \"oidc\" alone: "+
			"most providers speak it, give its issuer.", w.text)
	default:
		b.fail(notOneOf, w.at, "kind is \"oidc\".%s", suggest(w.text, append(laterKinds(), "oidc")))
	}
	return "oidc"
}

// issuer keeps the URL as it is written: providers compare it byte for byte.
func (b block) issuer(w word, insecure bool) string {
	u, err := b.url(w)
	if err == nil {
		_, err = originOf(u, false)
	}
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return ""
	}
	switch {
	case u.Scheme == "https" && insecure:
		b.warn(insecureNotAsked, b.place("insecure_http"), "The issuer has https already. Leave insecure_http out.")
	case u.Scheme == "https" || local(u.Hostname()):
	case insecure:
		b.warn(insecureIssuer, w.at, "Whoever is between here and %s can sign in as anyone.", u.Host)
	default:
		b.fail(plainHTTP, w.at, "Whoever is between here and the provider could sign in as anyone. Write https://, "+
			"or insecure_http = true where that is meant.")
	}
	return w.text
}

// clientSecret may be written as "", for a client that is registered without one.
func (b block) clientSecret() string {
	w, ok := b.optional("client_secret")
	if !ok {
		if !b.has("client_secret") {
			b.without("client_secret", "write env(\"NAME\") or file(\"PATH\"), or \"\" for a client that has none")
		}
		return ""
	}
	w = b.secret(w)
	if w.text == "" && !literal(w.expr) {
		b.fail(emptyValue, w.at, "The secret is empty. For a client that has none write client_secret = \"\".")
	}
	return w.text
}

func (b block) scopes() []string {
	words, written := b.texts("scopes")
	if !written {
		return []string{"openid", "profile", "email", "offline_access"}
	}
	scopes := plain(words)
	if !slices.Contains(scopes, "openid") && !b.wrong("scopes") {
		b.fail(openidMissing, b.place("scopes"), "Without it a provider does not say who signed in (OpenID Connect Core 1.0, section 3.1.2.1).")
	}
	return scopes
}

// plain is what words say.
func plain(words []word) []string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return texts
}

func (b block) authParams() map[string]string {
	if !b.has("auth_params") {
		return nil
	}
	params := map[string]string{}
	for _, e := range b.entries(b.body.Attributes["auth_params"].Expr) {
		w, ok := b.word(e.value)
		if slices.Contains(ownParams(), e.key.text) {
			b.fail(reservedParam, e.key.at, "picket sets %s itself at each sign-in.", e.key.text)
			continue
		}
		if ok {
			params[e.key.text] = w.text
		}
	}
	return params
}

// ownParams are those of the authentication request that hold the sign-in together.
func ownParams() []string {
	return []string{
		"client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "request", "request_uri",
		"response_mode", "response_type", "scope", "state",
	}
}

func (b block) logout() []string {
	words, written := b.texts("logout")
	if !written {
		return []string{"rp_initiated"}
	}
	ways := []string{}
	for _, w := range words {
		switch {
		case w.text == "rp_initiated":
			ways = append(ways, w.text)
		case slices.Contains(laterLogouts(), w.text):
			b.later(w.at, w.text)
		default:
			b.fail(notOneOf, w.at, "logout is a list of \"rp_initiated\".%s", suggest(w.text, append(laterLogouts(), "rp_initiated")))
		}
	}
	return ways
}

// authenticate is the host that the providers send people back to.
func (b block) authenticate() Authenticate {
	a := b.child("authenticate")
	w, ok := a.required("url", "the one host that identity providers send people back to, such as \"https://auth.example.com\"")
	if !ok {
		return Authenticate{}
	}
	origin, path, ok := a.front(w, false)
	if ok && path != "" && path != "/" {
		u, _ := url.Parse(w.text)
		a.fail(badURL, w.at, "Only scheme, host and port count here. Leave out %q: the provider is told URL/.picket/callback.", u.Path)
	}
	return Authenticate{URL: origin}
}
