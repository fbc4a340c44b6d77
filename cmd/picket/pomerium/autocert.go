package pomerium

import (
	"fmt"
	"strings"
)

// staging is the authority for trying out that Pomerium has built in; the other is picket's own default.
const staging = "https://acme-staging-v02.api.letsencrypt.org/directory"

// filePair is a certificate and a key, whose files the environment names.
const filePair = "{\n certificate = file(env(\"PICKET_TLS_CERTIFICATE\"))\n key = file(env(\"PICKET_TLS_KEY\"))\n}"

// autocert reads how certificates are ordered, and tells whether they are.
func (s *settings) autocert(root value) bool {
	on := root.get("autocert")
	if !on.isTrue() || s.insecure {
		return false
	}
	s.ledger.keep(on.line, "autocert")
	s.ledger.tell(on.line, "autocert", "certificates and the account are not copied: picket orders its own, and keeps them in the cluster")
	s.acme = block{kind: "acme"}
	s.acme.say("Certificates, accounts and challenges live in the cluster: one node orders, all serve.")
	copied := func(name, to, expr string) {
		if v := root.get(name); v.kind == scalar && v.text != "" {
			s.ledger.keep(v.line, name)
			s.acme.set(to, expr)
		}
	}
	directory, try := root.get("autocert_ca"), root.get("autocert_use_staging")
	switch {
	case directory.kind == scalar && directory.text != "":
		copied("autocert_ca", "directory", quote(directory.text))
	case try.isTrue():
		copied("autocert_use_staging", "directory", quote(staging))
	}
	copied("autocert_email", "email", quote(root.get("autocert_email").text))
	copied("autocert_trusted_ca_file", "ca", call("file", quote(root.get("autocert_trusted_ca_file").text)).text)
	s.boundAccount(root)
	return true
}

// boundAccount reads the account with the authority that is known by other means. Its key is not copied.
func (s *settings) boundAccount(root value) {
	id, mac := root.get("autocert_eab_key_id"), root.get("autocert_eab_mac_key")
	if id.kind != scalar || id.text == "" || mac.kind != scalar {
		return
	}
	s.ledger.keep(id.line, "autocert_eab_key_id")
	s.ledger.keep(mac.line, "autocert_eab_mac_key")
	s.ledger.tell(mac.line, "autocert_eab_mac_key", "it is not copied: give it to the nodes as PICKET_ACME_EAB_HMAC")
	s.acme.set("eab", fmt.Sprintf("{\n kid = %s\n hmac = env(\"PICKET_ACME_EAB_HMAC\")\n}", quote(id.text)))
}

// autocertRest says why what autocert did not read has no place.
func (s *settings) autocertRest(e entry) {
	if s.ledger.carried[place{e.line, e.key}] || e.value.kind == scalar && (e.value.text == "" || e.value.text == "false") {
		return
	}
	switch {
	case s.insecure:
		s.lose(e, "there is no TLS to have certificates for")
	case len(s.acme.items) == 0:
		s.lose(e, "certificates are not ordered without autocert")
	case e.key == "autocert_dir":
		s.lose(e, "what nodes share lives in the nodes: see peers and store of the broker block")
	case e.key == "autocert_must_staple":
		s.lose(e, "picket staples no OCSP answers")
	case e.key == "autocert_trusted_ca":
		s.lose(e, "texts of certificates are not copied: put it into a file, and write acme { ca = file(\"PATH\") }")
	case e.key == "autocert_use_staging":
		s.lose(e, "autocert_ca goes before it")
	default:
		s.lose(e, "what belongs to it is missing")
	}
}

// wildcards tells whether a route is for more than one host: for these Pomerium orders no certificate, and neither does
// picket without a DNS server that it may change.
func wildcards(root value) bool {
	for _, name := range []string{"routes", "policy"} {
		for _, r := range root.get(name).items {
			if strings.Contains(r.get("from").text, "*") {
				return true
			}
		}
	}
	return false
}
