package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// chosen reads what is said of a route's applications. to is where they are, as far as that could be read.
func (b block) chosen(to []string, public bool) Upstream {
	balance := b.choice("balance", "round_robin", "least_request", "random", "hash")
	return Upstream{
		Weights:       b.weights(),
		Balance:       strings.TrimPrefix(balance, "round_robin"),
		Hash:          b.hash(balance),
		Health:        b.health(to),
		Outliers:      b.child("outliers").outliers(len(to)),
		Retry:         b.child("retry").retry(),
		Circuit:       b.child("circuit").circuit(),
		TLS:           b.child("upstream_tls").upstreamTLS(to),
		ProxyProtocol: b.proxyProtocol(to),
		Kubernetes:    b.child("kubernetes").kubernetes(to, public),
	}
}

// mostWeight bounds weights, as other proxies do not: what is larger says nothing more.
const mostWeight = 1_000_000

// weights reads a weight for each application.
func (b block) weights() []int {
	if !b.has("weights") {
		return nil
	}
	expr := b.body.Attributes["weights"].Expr
	v, ok := b.value(expr)
	if !ok {
		return nil
	}
	if !v.Type().IsTupleType() && !v.Type().IsListType() {
		b.fail(wrongType, expr.Range(), "This is %s. Write a list with a number for each upstream, [3, 1].", kindOf(v.Type()))
		return nil
	}
	var all []int
	for _, element := range v.AsValueSlice() {
		n, whole := 0, false
		if element.Type() == cty.Number && !element.IsNull() {
			exact, accuracy := element.AsBigFloat().Int64()
			n, whole = int(exact), accuracy == 0
		}
		if !whole || n < 0 || n > mostWeight {
			b.fail(outOfRange, expr.Range(), "A weight is a whole number between 0 and %d.", mostWeight)
			return nil
		}
		all = append(all, n)
	}
	words, _ := b.quietly("to")
	switch {
	case len(words) != len(all):
		b.fail(outOfRange, expr.Range(), "This is %s for %s. Write one for each, in the order of to.", plural(len(all), "weight"), plural(len(words), "upstream"))
		return nil
	case slices.Max(append(all, 0)) == 0:
		b.fail(outOfRange, expr.Range(), "All weights are 0: nothing would get a request.")
		return nil
	}
	return all
}

// quietly reads the texts of an attribute that is read, and complained of, elsewhere.
func (b block) quietly(name string) ([]word, bool) {
	d := *b.decoder
	quiet := b
	quiet.decoder = &d
	return quiet.texts(name)
}

// hash reads what balancing by hash goes by; "" where that is not how it is balanced.
func (b block) hash(balance string) string {
	w, ok := b.optional("hash")
	switch {
	case balance != "hash" && ok && !b.wrong("balance"):
		b.warn(withoutEffect, w.at, "hash says what balance = \"hash\" goes by. Write that too, or leave hash out.")
		return ""
	case balance != "hash":
		return ""
	case !ok:
		return "session"
	}
	name, header := strings.CutPrefix(w.text, "header:")
	switch {
	case w.text == "session" || w.text == "ip":
		return w.text
	case !header:
		b.fail(notOneOf, w.at, "hash is \"session\", \"ip\" or \"header:NAME\".%s", suggest(w.text, []string{"session", "ip", "header:"}))
	case !headerToken.MatchString(name):
		b.fail(badHeader, w.at, "%.60q is not the name of a header (RFC 9110, section 5.6.2).", name)
	case b.forTCP():
		b.fail(notForTCP, w.at, "Headers are about HTTP. Write \"session\" or \"ip\".")
	default:
		return "header:" + canonicalHeader(name)
	}
	return "session"
}

// forTCP tells whether this is a route that carries TCP.
func (b block) forTCP() bool {
	from, _ := b.quietly("from")
	return len(from) > 0 && carriesTCP(from[0].text)
}

// retry reads when requests are sent again. Without the block they are where nobody can have seen them.
func (b block) retry() Retry {
	if b.absent {
		return Retry{}
	}
	r := Retry{Attempts: b.between("attempts", 2, 1, 9), On: []string{"connect", "reset", "503"}}
	words, written := b.texts("on")
	if !written {
		return r
	}
	r.On = nil
	for _, w := range words {
		if retriable(w.text) {
			r.On = append(r.On, w.text)
			continue
		}
		b.fail(notOneOf, w.at, "on is a list of \"connect\", \"reset\", \"timeout\", \"429\" and statuses such as \"503\".%s",
			suggest(w.text, []string{"connect", "reset", "timeout"}))
	}
	if len(words) == 0 && !b.wrong("on") {
		b.fail(emptyValue, b.place("on"), "The list is empty: nothing would be sent again. Leave out the block retry.")
	}
	return r
}

// retriable tells whether a request may be sent again for that.
func retriable(on string) bool {
	status := len(on) == 3 && on[0] == '5' && strings.Trim(on, "0123456789") == ""
	return status || slices.Contains([]string{"connect", "reset", "timeout", "429"}, on)
}

// circuit reads how much an application is asked at once.
func (b block) circuit() Circuit {
	if b.absent {
		return Circuit{}
	}
	c := Circuit{
		Requests: b.between("requests", 0, 1, 1_000_000),
		Pending:  b.between("pending", 0, 0, 1_000_000),
		Wait:     b.duration("wait", time.Second, time.Millisecond),
	}
	if !b.has("requests") {
		b.without("requests", "how many may be under way to each upstream, such as 100")
	}
	if b.has("wait") && c.Pending == 0 && !b.wrong("pending") {
		b.warn(withoutEffect, b.place("wait"), "Nobody waits. Write pending too: how many may.")
	}
	return c
}

// percent is a part, written as "50%".
func (b block) percent(name string, otherwise int) int {
	w, ok := b.measure(name, "50%")
	if !ok {
		return otherwise
	}
	var n int
	var rest string
	if parsed, _ := fmt.Sscanf(w.text+" .", "%d%s", &n, &rest); parsed != 2 || rest != "%" || n < 0 || n > 100 {
		b.fail(outOfRange, w.at, "%s is a part between \"0%%\" and \"100%%\".", name)
		return otherwise
	}
	return n
}
