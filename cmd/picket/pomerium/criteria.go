package pomerium

import (
	"net/netip"
	"strings"
)

// reader makes formulas of criteria.
type reader struct {
	ledger *ledger
	issuer string // of the identity provider; "": not known
	azure  bool   // the provider names people by oid
	asked  bool   // clients are asked for certificates
}

// criterion makes a formula of what stands behind the name of a criterion. The name is as written, the path what
// follows its first slash.
type criterion func(r *reader, c written) formula

// written is a criterion in the source.
type written struct {
	name  string // "claim/groups"
	path  string // "groups"
	line  int
	value value
}

// criteria are those of Pomerium that have an equivalent, or a known reason why not.
func criteria() map[string]criterion {
	return map[string]criterion{
		"accept":             always(true),
		"reject":             always(false),
		"authenticated_user": (*reader).authenticated,
		"claim":              (*reader).claim,
		"cors_preflight":     (*reader).preflight,
		"date":               (*reader).date,
		"day_of_week":        (*reader).dayOfWeek,
		"domain":             ofText((*reader).domain),
		"email":              ofText((*reader).email),
		"groups":             (*reader).groups,
		"http_method":        ofText((*reader).method),
		"http_path":          ofText((*reader).path),
		"pomerium_routes":    (*reader).ownRoutes,
		"source_ip":          (*reader).sourceIP,
		"time_of_day":        (*reader).timeOfDay,
		"user":               ofText((*reader).user),

		"client_certificate":         (*reader).certificate,
		"invalid_client_certificate": (*reader).invalidCertificate,

		"device":                     absent("the devices that Pomerium has registered are known to Pomerium alone", true),
		"mcp_tool":                   absent("picket does not read which tool of the Model Context Protocol is called", false),
		"record":                     absent("what comes from an external data source of Pomerium's is not known here", true),
		"ssh_ca":                     absent("this version of picket has no SSH", false),
		"ssh_publickey":              absent("this version of picket has no SSH", false),
		"ssh_username":               absent("this version of picket has no SSH", false),
		"ssh_username_matches_claim": absent("this version of picket has no SSH", true),
		"ssh_username_matches_email": absent("this version of picket has no SSH", true),
	}
}

func always(v bool) criterion {
	return func(r *reader, c written) formula {
		r.ledger.keep(c.line, c.name)
		return fact(v)
	}
}

func absent(why string, ofUser bool) criterion {
	return func(r *reader, c written) formula {
		return r.lost(c, why, ofUser)
	}
}

// lost is the formula of a criterion that is not carried over.
func (r *reader) lost(c written, why string, ofUser bool) formula {
	r.ledger.lose(c.line, c.name, why)
	return untold{line: c.line, what: c.name, why: why, ofUser: ofUser}
}

// criterion reads one, an object with a single key.
func (r *reader) criterion(v value) (written, formula) {
	if v.kind != mapping || len(v.entries) != 1 {
		c := written{name: "criterion", line: v.line}
		return c, r.lost(c, "a criterion has one name and what it is compared with", true)
	}
	e := v.entries[0]
	name, path, _ := strings.Cut(e.key, "/")
	c := written{name: e.key, path: path, line: e.line, value: e.value}
	read, ok := criteria()[name]
	if !ok {
		return c, r.lost(c, "Pomerium's open core has no such criterion", true)
	}
	return c, read(r, c)
}

func (r *reader) authenticated(c written) formula {
	r.ledger.keep(c.line, c.name)
	return test{holds: atom("authenticated"), ofUser: true}
}

func (r *reader) preflight(c written) formula {
	r.ledger.keep(c.line, c.name)
	return test{holds: atom("request.cors_preflight")}
}

// ownRoutes are below /.pomerium; picket's own pages are never the matter of a policy.
func (r *reader) ownRoutes(c written) formula {
	r.ledger.keep(c.line, c.name)
	r.ledger.tell(c.line, c.name, "no policy is asked about picket's own pages, so no request that one is asked about is for them")
	return fact(false)
}

// groups compares what the identity provider says of the user's groups.
func (r *reader) groups(c written) formula {
	f := r.listMatcher(c, func(group string) expression { return call("in_group", quote(group)) }, "user.groups", false)
	if len(untolds(f)) == 0 {
		r.ledger.tell(c.line, c.name,
			"Pomerium compares ids from the directory, picket what the claim of groups holds: write the names that your identity provider sends")
	}
	return f
}

// sourceIP is one address or network, or a list of them.
func (r *reader) sourceIP(c written) formula {
	items, ok := c.value.texts()
	if !ok || c.value.kind == nothing {
		return r.lost(c, "it is compared with an address, a network, or a list of them", false)
	}
	var networks []string
	for _, item := range items {
		network, ok := network(item.text)
		if !ok {
			return r.lost(c, "an address is written 10.0.0.1, a network 10.0.0.0/8", false)
		}
		networks = append(networks, network)
	}
	r.ledger.keep(c.line, c.name)
	if len(networks) == 0 {
		return fact(false)
	}
	return test{holds: call("in_cidr", "request.ip", quoteAll(networks))}
}

// network is a network without bits behind its length, or an address.
func network(s string) (string, bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().WithZone("").String(), true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return "", false
	}
	if ip := prefix.Addr(); ip.Is4In6() {
		if prefix.Bits() < 96 {
			return "", false
		}
		prefix = netip.PrefixFrom(ip.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked().String(), true
}
