package proxy

import (
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/node/authz"
	"picket/node/proxy/http1"
)

// A route may lead to a Kubernetes API server: picket shows a service account's token there, and asks to act as the user. Whatever a
// client says of itself in that way is removed, in any spelling, before anything is decided.

// impersonation begins the folded names of fields by which a client of Kubernetes says whom it acts as.
const impersonation = "impersonate-"

// systemPrefix begins the names that Kubernetes has for itself: a group of an identity provider must not become one of them.
const systemPrefix = "system:"

// isKubernetes tells whether a route leads to Kubernetes.
func (r *route) isKubernetes() bool { return r.Upstream.Kubernetes.Token != "" }

// dropImpersonation removes what a client says of itself.
func (a *ask) dropImpersonation() {
	if !a.route.isKubernetes() {
		return
	}
	a.announced = nil // no trailers either: the API has none
	a.r.Fields = slices.DeleteFunc(a.r.Fields, func(f http1.Field) bool {
		var room [64]byte
		return f.Known() == http1.Authorization || strings.HasPrefix(string(appendFolded(room[:0], f.Name)), impersonation)
	})
}

// impersonate tells Kubernetes who we are, and whom we act as. Somebody without a name would be the service account itself; nobody
// (a preflight) is nobody there too, and shows no token of ours.
func (a *ask) impersonate() *authz.Refusal {
	k := &a.route.Upstream.Kubernetes
	if !a.route.isKubernetes() {
		return nil
	}
	user := &a.in.User
	switch {
	case k.Impersonate && (!a.found() || !mayBe(user.Email)):
		return nameless(a.route.Name)
	case !a.found():
		return nil
	}
	a.given = append(a.given, http1.Field{Name: "Authorization", Value: "Bearer " + k.Token})
	if !k.Impersonate {
		return nil
	}
	a.given = append(a.given, http1.Field{Name: "Impersonate-User", Value: user.Email})
	for _, group := range user.Groups {
		if mayBe(group) {
			a.given = append(a.given, http1.Field{Name: "Impersonate-Group", Value: group})
		}
	}
	return nil
}

// mayBe tells whether somebody may act under a name.
func mayBe(name string) bool {
	return name != "" && strings.TrimSpace(name) == name && !strings.HasPrefix(strings.ToLower(name), systemPrefix) && httpguts.ValidHeaderFieldValue(name)
}
