package config

import (
	"regexp"
	"slices"
	"strings"
)

// upgradeForm is the name of a protocol, and its version (RFC 9110, section 7.8).
var upgradeForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+(/[A-Za-z0-9!#$%&'*+.^_`|~-]+)?$")

// upgrades are the protocols other than WebSocket that requests of a route may switch to.
func (b block) upgrades() []string {
	words, _ := b.texts("upgrade")
	var all []string
	for _, w := range words {
		name, _, _ := strings.Cut(strings.ToLower(w.text), "/")
		switch {
		case !upgradeForm.MatchString(w.text):
			b.fail(notOneOf, w.at, "%.60q is not the name of a protocol. Write such as \"spdy/3.1\".", w.text)
		case name == "websocket":
			b.fail(notOneOf, w.at, "For WebSockets write websocket = true: they are checked for their origin, and ended as they end.")
		case name == "h2c" || name == "tls" || name == "http":
			b.fail(notOneOf, w.at, "%.60q would let requests pass that nobody here reads. Requests do not switch to it.", w.text)
		case slices.Contains(all, w.text):
			b.fail(duplicateName, w.at, "%q stands in upgrade already.", w.text)
		default:
			all = append(all, w.text)
		}
	}
	return all
}
