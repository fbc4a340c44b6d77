package pomerium

import (
	"fmt"
	"path/filepath"
	"strings"

	"picket/node/config"
)

// writer writes the output.
type writer struct {
	page     *page
	settings *settings
	ledger   *ledger

	clients  map[string]string // names of identity blocks by their client
	written  map[string]string // names of policies by what they say
	names    map[string]bool   // of policies
	routes   int
	policies int
}

// write puts what was read in the order of picket's own example.
func write(name string, s *settings, routes []*route, l *ledger) *writer {
	w := &writer{
		page: newPage(), settings: s, ledger: l,
		clients: map[string]string{}, written: map[string]string{}, names: map[string]bool{},
	}
	w.say("Made of the Pomerium configuration "+filepath.Base(name)+" by `picket import pomerium`.",
		"Read what begins with \"Not carried over\" before you use it, and run `picket check` on it.")
	w.block(s.cluster)
	for _, b := range s.listen {
		w.block(b)
	}
	w.block(s.acme)
	w.block(s.telemetry)
	w.block(s.authenticate)
	w.identities(routes)
	w.block(s.session)
	if len(s.others) > 0 {
		w.gap()
		w.say(s.others...)
	}
	for _, r := range routes {
		w.route(r)
	}
	return w
}

func (w *writer) bytes() ([]byte, error) { return w.page.bytes() }

func (w *writer) gap() { w.page.file.Body().AppendNewline() }

func (w *writer) say(lines ...string) {
	for _, line := range lines {
		comment(w.page.file.Body(), line)
	}
}

// block writes one, unless there is nothing in it.
func (w *writer) block(b block, notes ...string) {
	if len(b.items) == 0 {
		return
	}
	w.gap()
	w.page.item(w.page.file.Body(), item{block: &b, notes: notes})
}

// identities writes the provider, once for each client that it has.
func (w *writer) identities(routes []*route) {
	p := &w.settings.provider
	if p.why != "" {
		w.gap()
		w.say("Not carried over: the identity provider: "+p.why+".",
			"Routes need one: write identity \"NAME\" { kind = \"oidc\" … }, and authenticate { url = … }.")
		return
	}
	w.clients[p.client] = p.name()
	taken := map[string]bool{p.name(): true}
	w.block(p.block(p.name(), p.client, p.secret))
	for _, r := range routes {
		if r.client == "" || w.clients[r.client] != "" {
			continue
		}
		name := unique(p.name()+"-"+r.name, taken)
		w.clients[r.client] = name
		variable := "IDP_CLIENT_SECRET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		w.ledger.tell(max(r.secretLine, r.line), "idp_client_secret", "it is not copied: give it to the nodes as "+variable)
		w.block(p.block(name, r.client, "env("+quote(variable)+")"))
	}
}

// route writes a route, and before it the policy that it is the first to have.
func (w *writer) route(r *route) {
	b := block{kind: "route", label: r.name}
	policies := w.access(r, &b)
	w.fill(r, &b)
	notes := []string{fmt.Sprintf("line %d", r.line)}
	if r.description != "" {
		notes[0] += ": " + r.description
	}
	if r.why != "" {
		w.gap()
		w.say(fmt.Sprintf("Not carried over (line %d): route %s: %s.", r.line, r.name, r.why))
		for _, policy := range policies {
			w.page.item(w.page.file.Body(), item{block: policy, off: true})
		}
		w.page.item(w.page.file.Body(), item{block: &b, off: true})
		return
	}
	for _, policy := range policies {
		w.policies++
		w.block(*policy)
	}
	w.routes++
	w.block(b, notes...)
}

// fill writes what a route has beside where it is and who may enter.
func (w *writer) fill(r *route, b *block) {
	front := []item{}
	if r.from != "" {
		from := item{name: "from", expr: quote(r.from)}
		if r.place.Kind == config.PrefixPath {
			from.expr = quote(r.from + strings.TrimSuffix(r.prefix, "/"))
		}
		front = append(front, from)
	}
	if r.place.Kind != config.PrefixPath {
		front = append(front, item{name: "paths", expr: quoteAll([]string{r.place.String()})})
	}
	switch {
	case len(r.to) == 0 || r.itself != nil:
	case len(r.to) == 1:
		front = append(front, item{name: "to", expr: quote(r.to[0])})
	default:
		front = append(front, item{name: "to", expr: quoteAll(r.to)})
	}
	if weights := r.weightList(); weights != "" && r.itself == nil {
		front = append(front, item{name: "weights", expr: weights})
	}
	b.items = append(front, b.items...)
	if name := w.clients[r.client]; r.client != "" && name != "" {
		b.set("identity", "identity."+name)
	}
	if r.itself != nil {
		w.answer(r, b)
		return
	}
	if r.cors {
		b.set("cors_preflight", "true")
	}
	if r.websocket {
		b.set("websocket", "true")
	}
	if r.timeout != "" {
		b.set("timeout", quote(r.timeout))
	}
	if r.idle != "" {
		b.set("idle_timeout", quote(r.idle))
	}
	w.askClient(r, b)
	w.identityHeaders(r, b)
	if r.host != "" {
		b.inner("rewrite").set("host", quote(r.host))
	}
	if r.balance != "" {
		b.set("balance", quote(r.balance))
	}
	for _, inner := range r.blocks {
		b.add(inner)
	}
	if len(r.rewrite) > 0 {
		rewrite := b.inner("rewrite")
		rewrite.items = append(rewrite.items, r.rewrite...)
	}
	for _, headers := range r.headers {
		inner := b.inner(headers.kind)
		inner.items = append(inner.items, headers.items...)
	}
	b.items = append(b.items, r.extra...)
}

// answer writes what a route answers itself: what it would tell an upstream is left out.
func (w *writer) answer(r *route, b *block) {
	for _, headers := range r.headers {
		if headers.kind == "response_headers" {
			b.add(headers)
		}
	}
	b.add(r.itself)
	b.items = append(b.items, r.extra...)
}

// identityHeaders tells the upstream who is asking, under the names that it knows from Pomerium.
func (w *writer) identityHeaders(r *route, b *block) {
	assertion := &block{kind: "assertion"}
	if !r.pass {
		assertion.set("header", `""`)
		b.add(assertion, "The upstream is not told who is asking, as in Pomerium.")
		return
	}
	if headers := w.settings.headerObject(); headers != "" {
		b.set("identity_headers", headers)
	}
	assertion.set("header", `"X-Pomerium-Jwt-Assertion"`)
	b.add(assertion, "Signed with other keys than Pomerium's: they are at /.well-known/picket/jwks.json of the host.")
}
