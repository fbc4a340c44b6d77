package console

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"picket/node/authn"
)

// signIn begins on any host, and goes on at the sign-in host with the sealed request that was made in beginning.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request, at site) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		c.fail(w, r, authn.ErrMalformed)
		return
	}
	if !at.signsIn || !q.Has("request") {
		c.begin(w, r, at, q)
		return
	}
	step, err := c.authn.SignIn(r.Context(), authn.SignInRequest{
		Sealed:   single(q, "request"),
		Identity: q.Get("identity"),
		Cookie:   cookie(r, authn.CookieName(at.origin)),
		Binding:  cookie(r, authn.BindingName(at.origin)),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(step.Choose) > 0 {
		setCookies(w, step.Cookies, c.now())
		c.page(w, r, http.StatusOK, "choose", c.choices(step.Choose))
		return
	}
	c.follow(w, r, step)
}

// begin sends the visitor to the sign-in host, to come back to the address in the query.
func (c *Console) begin(w http.ResponseWriter, r *http.Request, at site, q url.Values) {
	need, err := authn.NeedFrom(q)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	back := at.local(q.Get("return"))
	path, _, _ := strings.Cut(back, "?")
	step, err := c.authn.Begin(authn.BeginRequest{
		Origin:   at.origin,
		ReturnTo: back,
		Route:    c.route(r.Host, path),
		Binding:  cookie(r, authn.BindingName(at.origin)),
		Need:     need,
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.follow(w, r, step)
}

// callback takes the provider's answer on the sign-in host, and the hand-over from there on any host. Only the provider's
// answer carries a state or an error (OpenID Connect Core 1.0, sections 3.1.2.5 and 3.1.2.6).
func (c *Console) callback(w http.ResponseWriter, r *http.Request, at site) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		c.fail(w, r, authn.ErrMalformed)
		return
	}
	answer := c.handedOver
	if at.signsIn && (q.Has("state") || q.Has("error")) {
		answer = c.answered
	}
	step, err := answer(r, at, q)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.follow(w, r, step)
}

// answered takes what the provider says.
func (c *Console) answered(r *http.Request, at site, q url.Values) (authn.Step, error) {
	return c.authn.Callback(r.Context(), authn.CallbackRequest{
		Query:     q,
		Binding:   cookie(r, authn.BindingName(at.origin)),
		Cookie:    cookie(r, authn.CookieName(at.origin)),
		Address:   address(r),
		UserAgent: r.UserAgent(),
	})
}

// handedOver takes what the sign-in host hands over.
func (c *Console) handedOver(r *http.Request, at site, q url.Values) (authn.Step, error) {
	return c.authn.Redeem(r.Context(), authn.RedeemRequest{
		Origin:  at.origin,
		Code:    single(q, "code"),
		Binding: cookie(r, authn.BindingName(at.origin)),
	})
}

// follow does what a step says: cookies, then on to where it leads.
func (c *Console) follow(w http.ResponseWriter, r *http.Request, step authn.Step) {
	if step.Settle {
		c.goOn(w, r, step, onward{"Signing in", "You are signed in. Next comes the page that you asked for."})
		return
	}
	setCookies(w, step.Cookies, c.now())
	w.Header().Set("Location", step.Redirect)
	w.WriteHeader(http.StatusSeeOther)
}

// onward is a page that goes on by itself.
type onward struct{ Title, Text string }

// goOn does what a step says, but by a page of ours where a redirect would not do.
func (c *Console) goOn(w http.ResponseWriter, r *http.Request, step authn.Step, say onward) {
	setCookies(w, step.Cookies, c.now())
	w.Header().Set("Refresh", "0; url="+step.Redirect)
	c.page(w, r, http.StatusOK, "onward", struct {
		onward
		URL string
	}{say, step.Redirect})
}

// choice is one identity provider on the page that offers them.
type choice struct{ Name, Issuer, URL string }

// choices adds what a person knows a provider by: where it is.
func (c *Console) choices(from []authn.Choice) []choice {
	var out []choice
	for _, f := range from {
		one := choice{Name: f.Name, URL: f.URL}
		for _, id := range c.config.Identities {
			if id.Name == f.Name {
				one.Issuer = issuerHost(id.Issuer)
			}
		}
		out = append(out, one)
	}
	return out
}

func issuerHost(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Host
}

// single is the value of a parameter that may stand once only (RFC 6749, section 3.1); "" when it stands more often.
func single(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

// address is the visitor's, without the port.
func address(r *http.Request) string {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap().String()
	}
	return r.RemoteAddr
}
