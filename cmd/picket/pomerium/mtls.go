package pomerium

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// mutual is what is asked of clients about certificates.
type mutual struct {
	asked string // of each route: "", "request" or "require"
	names string // client_san of the listener; "": any
	depth string // client_depth; "": any
	lists int    // where lists of revoked certificates stand; 0: nowhere
}

// clientFile is an attribute that holds the text of a file, of which the source has the name or, in base64, the text.
func (s *settings) clientFile(in value, name, own string) (expr string) {
	if path := in.get(name + "_file"); path.kind == scalar {
		return fileExpr(path)
	}
	if text := in.get(name); text.kind == scalar {
		s.ledger.tell(text.line, name, "texts of certificates and lists are not copied: put it into "+own)
		return call("file", quote(own)).text
	}
	return ""
}

// downstream are certificates that clients must show. Pomerium refuses requests without one unless the policies alone say
// where, or it is to make no connection at all.
func (s *settings) downstream(e entry) {
	ca := s.clientFile(e.value, "ca", "client-ca.pem")
	names, lost := subjectNames(e.value.get("match_subject_alt_names"))
	if ca == "" || s.insecure {
		s.noDownstream(e)
		return
	}
	l := &s.listen[0]
	l.set("client_ca", ca)
	if crl := s.clientFile(e.value, "crl", "client-crl.pem"); crl != "" {
		l.set("client_crl", crl)
		s.mutual.lists = e.line
	}
	if s.mutual.depth = depth(e.value.get("max_verify_depth")); s.mutual.depth != "" {
		l.set("client_depth", s.mutual.depth)
	}
	if s.mutual.names = names; names != "" {
		l.set("client_san", names)
	}
	ask := "request"
	switch e.value.get("enforcement").text {
	case "policy":
		s.mutual.asked = "request"
	case "reject_connection":
		ask, s.mutual.asked = "require", "require"
	default:
		s.mutual.asked = "require"
	}
	l.set("client_certificate", quote(ask))
	s.ledger.keep(e.line, e.key)
	for _, why := range lost {
		s.lose(e, why)
	}
	if names == "" && len(lost) > 0 {
		s.closing = append(s.closing, closed(e.line, e.key, "picket does not look for such names in certificates"))
	}
}

// noDownstream closes what would be open without certificates.
func (s *settings) noDownstream(e entry) {
	why := "it has no ca_file: nobody is trusted to issue certificates"
	if s.insecure {
		why = "there is no https listener to show certificates at"
	}
	if e.value.get("enforcement").text == "policy" {
		s.lose(e, why)
		return
	}
	s.lose(e, why+", and every route asks for one")
	s.closing = append(s.closing, rule{
		action: deny, line: e.line, name: e.key, said: e.key, when: invalidCertificate(), message: "This asks for a client certificate.",
	})
}

// depth is how many certificates may lead to that of a client: one where Pomerium is told nothing, and any number for 0.
func depth(v value) string {
	n, err := strconv.ParseUint(v.text, 10, 16)
	switch {
	case err != nil || v.kind != scalar:
		return "1"
	case n == 0:
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// subjectNames are names of which a certificate must have one, by kind, each a regular expression for the whole of it; and why
// some are left out, which makes them fewer.
func subjectNames(v value) (object string, lost []string) {
	kinds := map[string]string{"dns": "dns", "email": "email", "uri": "uri", "ip_address": "ip"}
	names := map[string][]string{}
	for _, item := range v.items {
		for _, e := range item.entries {
			kind, known := kinds[e.key]
			text := "~" + e.value.text
			if kind == "ip" {
				address, err := netip.ParseAddr(strings.ReplaceAll(e.value.text, `\.`, "."))
				known, text = err == nil, address.String()
			}
			if !known || e.value.kind != scalar {
				lost = append(lost, fmt.Sprintf("match_subject_alt_names: picket does not look for %s that are like %s", e.key, e.value.text))
				continue
			}
			names[kind] = append(names[kind], text)
		}
	}
	var parts []string
	for _, kind := range []string{"dns", "email", "uri", "ip"} {
		if len(names[kind]) > 0 {
			parts = append(parts, kind+" = "+quoteAll(names[kind]))
		}
	}
	if len(parts) == 0 {
		return "", lost
	}
	return "{\n" + strings.Join(parts, "\n") + "\n}", lost
}

// downstreamCA are the authorities of a route. What else is asked of all certificates is asked of those, too; but a list of
// revoked ones belongs to the authorities that it is of.
func (rr *routeReader) downstreamCA(r *route, e entry) {
	if rr.insecure {
		r.rules = append(r.rules, rr.reader.unread(e.line, e.key, "there is no https listener to show certificates at"))
		return
	}
	name := strings.TrimSuffix(e.key, "_file")
	if r.ca = rr.clientFile(value{entries: []entry{e}}, name, "client-ca-"+r.name+".pem"); r.ca == "" {
		r.rules = append(r.rules, rr.reader.unread(e.line, e.key, "it is not a text"))
		return
	}
	rr.ledger.keep(e.line, e.key)
	if rr.mutual.lists != 0 {
		r.rules = append(r.rules, closed(e.line, e.key, "the lists of revoked certificates are the listener's: give the route those of its own authorities, as client_crl"))
		rr.ledger.lose(rr.mutual.lists, e.key+": crl", "the route has authorities of its own, and a list belongs to those that it is of")
	}
}

// askClient writes what a route asks of clients.
func (w *writer) askClient(r *route, b *block) {
	m := w.settings.mutual
	if r.ca == "" {
		if m.asked == "require" {
			b.set("client_certificate", quote(m.asked))
		}
		return
	}
	asked := m.asked
	if asked == "" {
		asked = "require"
	}
	b.set("client_certificate", quote(asked))
	b.set("client_ca", r.ca)
	if m.depth != "" {
		b.set("client_depth", m.depth)
	}
	if m.names != "" {
		b.set("client_san", m.names)
	}
}
