package pomerium

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// invalidCertificate is true where no certificate was shown, or none that is trusted.
func invalidCertificate() formula {
	return opposite{test{holds: atom("certificate.valid"), missing: true}}
}

func (r *reader) invalidCertificate(c written) formula {
	r.ledger.keep(c.line, c.name)
	r.tellOfCertificates(c)
	return invalidCertificate()
}

// tellOfCertificates says when no listener asks for one.
func (r *reader) tellOfCertificates(c written) {
	if !r.asked {
		r.ledger.tell(c.line, c.name, "no listener asks for certificates: write client_certificate = \"request\", and client_ca")
	}
}

// certificate is an object of what the certificate that was shown must have. It need not be one that is trusted.
func (r *reader) certificate(c written) formula {
	if c.value.kind != mapping {
		return r.lost(c, "it is an object with fingerprint, spki_hash, san_dns, san_email or san_uri", false)
	}
	whole := junction{all: true}
	if len(c.value.entries) == 0 {
		whole.parts = append(whole.parts, test{holds: atom("certificate.present")})
	}
	for _, e := range c.value.entries {
		f, why := r.certificatePart(c, e)
		if why != "" {
			return r.lost(c, why, false)
		}
		whole.parts = append(whole.parts, f)
	}
	r.ledger.keep(c.line, c.name)
	r.tellOfCertificates(c)
	return whole
}

func (r *reader) certificatePart(c written, e entry) (f formula, why string) {
	switch e.key {
	case "fingerprint":
		return hashes(e.value, "certificate.fingerprint", fingerprint, "a fingerprint is 64 digits in lower case, or 32 pairs in upper case with colons between them")
	case "spki_hash":
		return hashes(e.value, "certificate.spki", spki, "a hash of a key is SHA-256 in base64")
	case "san_dns", "san_email", "san_uri":
		if e.value.kind == mapping && e.value.has("not") {
			return nil, "picket does not compare names of a certificate with not: write not_in"
		}
		f = r.textMatcher(written{name: c.name, line: c.line, value: e.value}, names("certificate."+e.key))
		if lost := untolds(f); len(lost) > 0 {
			return nil, lost[0].why
		}
		return f, ""
	}
	return nil, fmt.Sprintf("Pomerium has no %s of certificates", e.key)
}

// names is a list of which one name must compare.
func names(list string) subject {
	return subject{name: list, there: "certificate.present", literal: itself, match: func(operator, text string) expression {
		if operator == "is" {
			return call("has", list, quote(text))
		}
		found := "[for name in " + list + " : name if " + comparison("name", operator, text).text + "]"
		return compare(call("length", found).text, ">", "0")
	}}
}

// hashes are a hash of a certificate's or a list of them, of which one must be equal.
func hashes(v value, name string, canonical func(string) (string, bool), form string) (f formula, why string) {
	items, ok := v.texts()
	if !ok || len(items) == 0 {
		return nil, form
	}
	var all []string
	for _, item := range items {
		hash, ok := canonical(item.text)
		if !ok {
			return nil, form
		}
		all = append(all, hash)
	}
	if len(all) == 1 {
		return test{holds: compare(name, "==", quote(all[0])), missing: true}, ""
	}
	return test{holds: call("has", quoteAll(all), name), missing: true}, ""
}

var (
	shortFingerprint = regexp.MustCompile(`^[0-9a-f]{64}$`)
	longFingerprint  = regexp.MustCompile(`^[0-9A-F]{2}(:[0-9A-F]{2}){31}$`)
)

// fingerprint is a fingerprint in lower case without colons.
func fingerprint(s string) (string, bool) {
	if longFingerprint.MatchString(s) {
		return strings.ToLower(strings.ReplaceAll(s, ":", "")), true
	}
	return s, shortFingerprint.MatchString(s)
}

// spki is a hash of a public key in hexadecimal digits.
func spki(s string) (string, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	return hex.EncodeToString(raw), err == nil && len(raw) == 32
}
