package policy

import "strings"

func certificateAttributes() []attribute {
	return []attribute{
		{"certificate.present", "Whether the client showed a certificate.", `certificate.present`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Certificate.Present, true }), nil},
		{"certificate.valid", "Whether the certificate is one that the listener trusts, in its time, and not revoked.", `certificate.valid`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Certificate.Valid, f.in.Certificate.Present }), nil},
		{"certificate.fingerprint", "The SHA-256 of the certificate, in lower-case hexadecimal digits.", `certificate.fingerprint == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`,
			text, certificateText(func(c *Certificate) string { return c.Fingerprint }), fingerprint},
		{"certificate.spki", "The SHA-256 of its public key, in lower-case hexadecimal digits: it stays when the certificate is renewed for the same key.", `certificate.spki == "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"`,
			text, certificateText(func(c *Certificate) string { return c.SPKI }), fingerprint},
		{"certificate.subject", "The distinguished name of its holder.", `certificate.subject == "CN=printer-7,O=Example"`,
			text, certificateText(func(c *Certificate) string { return c.Subject }), nil},
		{"certificate.issuer", "The distinguished name of who issued it.", `certificate.issuer == "CN=Devices,O=Example"`,
			text, certificateText(func(c *Certificate) string { return c.Issuer }), nil},
		{"certificate.san_dns", "The host names that it is for.", `has(certificate.san_dns, "printer-7.example.com")`,
			list, certificateList(func(c *Certificate) []string { return c.SANDNS }), nil},
		{"certificate.san_email", "The email addresses that it is for.", `has(certificate.san_email, "a@example.com")`,
			list, certificateList(func(c *Certificate) []string { return c.SANEmail }), nil},
		{"certificate.san_uri", "The URIs that it is for, as of SPIFFE.", `has(certificate.san_uri, "spiffe://example.com/ci")`,
			list, certificateList(func(c *Certificate) []string { return c.SANURI }), nil},
	}
}

func machineAttributes() []attribute {
	return []attribute{
		{"workload.issuer", "Who issued the token of the machine that asks.", `workload.issuer == "https://token.actions.githubusercontent.com"`,
			text, machineText(func(in *Input) string { return in.Workload.Issuer }), nil},
		{"workload.subject", "The machine, as its issuer calls it.", `startswith(workload.subject, "repo:example/deploy:")`,
			text, machineText(func(in *Input) string { return in.Workload.Subject }), nil},
		{"workload.claims", "What the issuer says of the machine, by name.", `workload.claims["ref"] == "refs/heads/main"`,
			dynamic, eval[any](func(f *frame) (any, bool) { return f.in.Workload.Claims, f.in.Workload.Claims != nil }), nil},

		{"service.id", "The service account that asks.", `service.id == "s1"`,
			text, machineText(func(in *Input) string { return in.Service.ID }), nil},
		{"service.name", "The name of the service account.", `service.name == "backup"`,
			text, machineText(func(in *Input) string { return in.Service.Name }), nil},
	}
}

// certificateText is unknown when there is no certificate, or it does not say.
func certificateText(of func(*Certificate) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.Certificate)
		return value, value != "" && f.in.Certificate.Present
	}
}

// certificateList is unknown when there is no certificate. One that names nobody has an empty list.
func certificateList(of func(*Certificate) []string) eval[[]string] {
	return func(f *frame) ([]string, bool) {
		return of(&f.in.Certificate), f.in.Certificate.Present
	}
}

func machineText(of func(*Input) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(f.in)
		return value, value != ""
	}
}

func fingerprint(value string) string {
	if len(value) != 64 || strings.Trim(value, "0123456789abcdef") != "" {
		return "it is 64 lower-case hexadecimal digits"
	}
	return ""
}
