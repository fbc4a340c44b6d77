package pomerium

import (
	"net/url"
	"slices"
	"strings"
)

// identityProvider is who tells who people are.
type identityProvider struct {
	line     int // of the first setting; 0: there is none
	kind     string
	url      string
	issuer   string // "": none that picket could ask
	client   string
	secret   string // an expression
	scopes   []string
	params   []entry
	why      string // it cannot be carried over; "": it can
	settings []entry
}

// identitySettings are those at the top that are about the provider.
func identitySettings() map[string]func(*identityProvider, *settings, entry) {
	return map[string]func(*identityProvider, *settings, entry){
		"idp_provider":     func(p *identityProvider, _ *settings, e entry) { p.saw(e); p.kind = strings.ToLower(e.value.text) },
		"idp_provider_url": func(p *identityProvider, _ *settings, e entry) { p.saw(e); p.url = e.value.text },
		"idp_client_id":    func(p *identityProvider, _ *settings, e entry) { p.saw(e); p.client = e.value.text },
		"idp_client_secret": func(p *identityProvider, s *settings, e entry) {
			p.saw(e)
			p.secret = `env("IDP_CLIENT_SECRET")`
			s.ledger.tell(e.line, e.key, "it is not copied: give it to the nodes as IDP_CLIENT_SECRET")
		},
		"idp_client_secret_file": func(p *identityProvider, _ *settings, e entry) {
			p.saw(e)
			p.secret = "file(" + quote(e.value.text) + ")"
		},
		"idp_scopes":         func(p *identityProvider, _ *settings, e entry) { p.saw(e); p.scopes = words(e.value) },
		"idp_request_params": (*identityProvider).requestParams,
	}
}

func (p *identityProvider) saw(e entry) {
	if p.line == 0 {
		p.line = e.line
	}
	p.settings = append(p.settings, e)
}

// words are the items of a list, or what stands between commas and spaces in a text.
func words(v value) []string {
	if v.kind == scalar {
		return strings.FieldsFunc(v.text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	var all []string
	for _, item := range v.items {
		if item.kind == scalar && item.text != "" {
			all = append(all, item.text)
		}
	}
	return all
}

// requestParams are added to the request to sign in, but for those that hold it together.
func (p *identityProvider) requestParams(s *settings, e entry) {
	own := []string{
		"client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "request", "request_uri",
		"response_mode", "response_type", "scope", "state",
	}
	p.saw(e)
	for _, param := range e.value.entries {
		if slices.Contains(own, param.key) || param.value.kind != scalar {
			s.lose(entry{"idp_request_params " + param.key, param.line, param.value}, "picket sets it itself at each sign-in")
			continue
		}
		p.params = append(p.params, param)
	}
}

// wellKnown are the URLs of providers that have only one.
func wellKnown() map[string]string {
	return map[string]string{
		"apple":    "https://appleid.apple.com",
		"gitlab":   "https://gitlab.com",
		"google":   "https://accounts.google.com",
		"onelogin": "https://openid-connect.onelogin.com/oidc",
	}
}

// finish decides, when all settings are known, whether picket can ask this provider.
func (p *identityProvider) finish(l *ledger) {
	p.issuer = p.url
	if p.issuer == "" {
		p.issuer = wellKnown()[p.kind]
	}
	u, err := url.Parse(p.issuer)
	switch {
	case p.kind == "github":
		p.why = "GitHub does not speak OpenID Connect, and this version of picket knows nothing else"
	case p.kind == "hosted":
		p.why = "Pomerium's own sign-in is for Pomerium alone: take an identity provider of yours"
	case p.line == 0:
		p.why = "the file names no identity provider: the settings may be in the environment, as IDP_PROVIDER"
	case p.issuer == "" || err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		p.why = "picket needs the provider's URL, as idp_provider_url"
	case p.client == "":
		p.why = "picket needs idp_client_id"
	}
	for _, e := range p.settings {
		if p.why != "" {
			l.lose(e.line, e.key, p.why)
		} else {
			l.keep(e.line, e.key)
		}
	}
	if p.why != "" {
		p.issuer = ""
	}
	if p.kind == "apple" {
		l.tell(p.line, "idp_provider", "Apple answers with a form that it posts, and its client secret ends after six months: try it before you rely on it")
	}
}

// name is how the identity block is called.
func (p *identityProvider) name() string {
	if p.kind == "" || label(p.kind) == "" {
		return "pomerium"
	}
	return label(p.kind)
}

// block is the provider with one of its clients.
func (p *identityProvider) block(name, client, secret string) block {
	b := block{kind: "identity", label: name}
	b.set("kind", `"oidc"`)
	b.set("issuer", quote(p.issuer))
	b.set("client_id", quote(client))
	if secret == "" {
		secret = `env("IDP_CLIENT_SECRET")`
	}
	b.set("client_secret", secret)
	scopes, params := p.scopes, p.params
	if p.kind == "google" {
		if len(scopes) == 0 {
			scopes = []string{"openid", "profile", "email"}
		}
		if len(params) == 0 { // what makes Google give a refresh token
			params = []entry{textEntry("access_type", "offline"), textEntry("prompt", "select_account consent")}
		}
	}
	if len(scopes) > 0 {
		if !slices.Contains(scopes, "openid") {
			scopes = append([]string{"openid"}, scopes...)
		}
		b.set("scopes", quoteAll(scopes))
	}
	if len(params) > 0 {
		b.set("auth_params", object(params))
	}
	return b
}

func textEntry(key, text string) entry {
	return entry{key: key, value: value{kind: scalar, tag: "!!str", text: text}}
}

// object is an object of texts.
func object(entries []entry) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, e := range entries {
		b.WriteString(key(e.key) + " = " + quote(e.value.text) + "\n")
	}
	b.WriteString("}")
	return b.String()
}
