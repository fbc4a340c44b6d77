package pomerium_test

import (
	"testing"

	"picket/policy"
)

// TestCertificates holds what is decided of clients without a certificate, with one, and with one that is not trusted.
func TestCertificates(t *testing.T) {
	shown := policy.Certificate{
		Present: true, Valid: true, SANDNS: []string{"one.example.com", "two.example.com"}, SANEmail: []string{},
		Fingerprint: "17859273e8a980631d367b2d5a6a6635412b0f22835f69e47b3f65624546a704",
		SPKI:        "16c0db334ad460888bdd5df7f5e20aaa2cfa1cf481f8fcf659e01686a96a87c5",
	}
	untrusted := shown
	untrusted.Valid = false
	for _, c := range []struct {
		ppl                     string
		without, with, distrust bool
	}{
		{"{allow: {or: [{client_certificate: {}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {fingerprint: 17859273e8a980631d367b2d5a6a6635412b0f22835f69e47b3f65624546a704}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {spki_hash: FsDbM0rUYIiL3V339eIKqiz6HPSB+Pz2WeAWhqlqh8U=}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {san_dns: one.example.com}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {san_dns: {starts_with: one, ends_with: .com}}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {san_dns: {contains: three}}}]}}", false, false, false},
		{"{allow: {or: [{client_certificate: {san_dns: {in: [x, two.example.com]}}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {san_dns: {not_in: [x, two.example.com]}}}]}}", false, false, false},
		{"{allow: {or: [{client_certificate: {san_email: {not_in: [x]}}}]}}", false, true, true},
		{"{allow: {or: [{client_certificate: {san_email: {starts_with: x}}}]}}", false, false, false},
		{"{allow: {not: [{client_certificate: {san_dns: one.example.com}}]}}", true, false, false},
		{"{allow: {or: [{accept: 1}]}, deny: {or: [{client_certificate: {san_dns: one.example.com}}]}}", true, false, false},
		{"{allow: {or: [{accept: 1}]}, deny: {not: [{client_certificate: {san_dns: one.example.com}}]}}", false, true, true},
		{"{allow: {or: [{accept: 1}]}, deny: {or: [{invalid_client_certificate: 1}]}}", false, true, false},
		{"{allow: {not: [{invalid_client_certificate: 1}]}}", false, true, false},
		{"{allow: {or: [{accept: 1}]}, deny: {nor: [{invalid_client_certificate: 1}]}}", true, false, true},
	} {
		for certificate, want := range map[*policy.Certificate]bool{{}: c.without, &shown: c.with, &untrusted: c.distrust} {
			in := who("alice")
			in.Certificate = *certificate
			if got := admits(t, c.ppl, in); got != want {
				t.Errorf("%s: certificate %+v is admitted: %v, want %v", c.ppl, *certificate, got, want)
			}
		}
	}
}
