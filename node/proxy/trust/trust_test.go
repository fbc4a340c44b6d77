package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"runtime"
	"testing"
	"time"

	"picket/node/config"
	"picket/policy"
)

func trusting(authorities ...*holder) config.ClientCertificates {
	c := config.ClientCertificates{Ask: config.Required}
	for _, a := range authorities {
		c.Authorities = append(c.Authorities, a.Certificate)
	}
	return c
}

func TestACertificateIsValidByItsAuthorityItsTimeAndItsPurpose(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	forged := newAuthority(t, "Ours") // of the same name, with another key
	between := ours.issue(authority("Between"))
	for name, c := range map[string]struct {
		shown []*x509.Certificate
		want  error
	}{
		"issued by the authority":      {ours.issue().chain(), nil},
		"with a step between":          {between.issue().chain(), nil},
		"the step is not shown":        {between.issue().chain()[:1], ErrAuthority},
		"by another authority":         {others.issue().chain(), ErrAuthority},
		"by one that takes its name":   {forged.issue().chain(), ErrAuthority},
		"by a client":                  {ours.issue().issue().chain(), ErrAuthority},
		"by nobody else":               {newAuthority(t, "client").chain(), ErrAuthority},
		"expired":                      {ours.issue(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }).chain(), ErrTime},
		"not yet good":                 {ours.issue(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }).chain(), ErrTime},
		"for servers alone":            {ours.issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).chain(), ErrPurpose},
		"for whatever purpose":         {ours.issue(func(c *x509.Certificate) { c.ExtKeyUsage = nil }).chain(), nil},
		"none":                         {nil, ErrNone},
		"another's above a valid one":  {append(others.issue().chain(), ours.issue().Certificate), ErrAuthority},
		"the authority's, for another": {append(others.issue().chain(), ours.Certificate), ErrAuthority},
	} {
		v := New(trusting(ours)).Judge(c.shown, now)
		if !errors.Is(v.Why, c.want) || v.Certificate.Valid != (c.want == nil) || v.Certificate.Present != (c.shown != nil) {
			t.Errorf("%s: %v, valid: %v", name, v.Why, v.Certificate.Valid)
		}
	}
}

func TestWithoutAuthoritiesNobodyIsTrusted(t *testing.T) {
	v := New(config.ClientCertificates{Ask: config.Requested}).Judge(newAuthority(t, "Ours").issue().chain(), now)
	if !errors.Is(v.Why, ErrAuthority) || !v.Certificate.Present || v.Certificate.Fingerprint == "" {
		t.Errorf("got %+v", v)
	}
}

func TestARevokedCertificateIsNotValid(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	between := ours.issue(authority("Between"))
	good, bad, below := ours.issue(), ours.issue(), between.issue()
	same := others.issue()
	same.Certificate.SerialNumber = bad.SerialNumber
	for name, c := range map[string]struct {
		shown *holder
		lists []*x509.RevocationList
		want  error
	}{
		"not on the list":                      {good, []*x509.RevocationList{ours.revokes(time.Time{}, bad)}, nil},
		"on the list":                          {bad, []*x509.RevocationList{ours.revokes(time.Time{}, bad)}, ErrRevoked},
		"on the second list":                   {bad, []*x509.RevocationList{ours.revokes(time.Time{}), ours.revokes(time.Time{}, bad)}, ErrRevoked},
		"a step to it is":                      {below, []*x509.RevocationList{ours.revokes(time.Time{}, between)}, ErrRevoked},
		"on the list of a step":                {below, []*x509.RevocationList{between.revokes(time.Time{}, below)}, ErrRevoked},
		"no list of its issuer":                {below, []*x509.RevocationList{ours.revokes(time.Time{})}, nil},
		"of another issuer, with that number":  {others.issue(), []*x509.RevocationList{ours.revokes(time.Time{}, bad)}, nil},
		"the list was to be replaced":          {good, []*x509.RevocationList{ours.revokes(now)}, ErrOldList},
		"revoked, on a list to be replaced":    {bad, []*x509.RevocationList{ours.revokes(now, bad)}, ErrRevoked},
		"one of two lists was to be replaced":  {good, []*x509.RevocationList{ours.revokes(now), ours.revokes(time.Time{})}, ErrOldList},
		"the list of another was":              {good, []*x509.RevocationList{others.revokes(now)}, nil},
		"revoked by another with his own list": {good, []*x509.RevocationList{others.revokes(time.Time{}, good)}, nil},
	} {
		rules := trusting(ours, others)
		rules.Revoked = c.lists
		if v := New(rules).Judge(c.shown.chain(), now); !errors.Is(v.Why, c.want) {
			t.Errorf("%s: %v", name, v.Why)
		}
	}
}

// TestAStepThatIsTrustedItself: the way may end at the step, and the list of the authority above it counts all the same.
func TestAStepThatIsTrustedItself(t *testing.T) {
	ours := newAuthority(t, "Ours")
	between := ours.issue(authority("Between"))
	rules := trusting(ours, between)
	rules.Revoked = []*x509.RevocationList{ours.revokes(time.Time{}, between)}
	if v := New(rules).Judge(between.issue().chain()[:1], now); !errors.Is(v.Why, ErrRevoked) {
		t.Errorf("got %v", v.Why)
	}
}

func TestHowManyStepsMayLeadToACertificate(t *testing.T) {
	ours := newAuthority(t, "Ours")
	one := ours.issue()
	two := ours.issue(authority("A")).issue()
	three := ours.issue(authority("A")).issue(authority("B")).issue()
	for depth, valid := range map[int]int{0: 3, 1: 1, 2: 2, 3: 3} {
		rules := trusting(ours)
		rules.Depth = depth
		for i, h := range []*holder{one, two, three} {
			v := New(rules).Judge(h.chain(), now)
			if (v.Why == nil) != (i < valid) || v.Why != nil && !errors.Is(v.Why, ErrDepth) {
				t.Errorf("depth %d, %d steps: %v", depth, i+1, v.Why)
			}
		}
	}
}

func names(c *x509.Certificate) {
	uri, _ := url.Parse("spiffe://example.com/ci")
	c.DNSNames, c.EmailAddresses, c.URIs = []string{"Printer.example.com", "b.example.com"}, []string{"a@example.com"}, []*url.URL{uri}
	c.IPAddresses = []net.IP{net.IPv4(10, 1, 2, 3), net.ParseIP("2001:db8::1")}
}

func TestOneOfTheNamesIsAskedFor(t *testing.T) {
	ours := newAuthority(t, "Ours")
	shown, nameless := ours.issue(names).chain(), ours.issue().chain()
	pattern := func(kind config.NameKind, p string) config.CertificateName {
		return config.CertificateName{Kind: kind, Pattern: regexp.MustCompile("^(?:" + p + ")$")}
	}
	network := func(n string) config.CertificateName {
		return config.CertificateName{Kind: config.NameIP, Network: netip.MustParsePrefix(n)}
	}
	for _, c := range []struct {
		name config.CertificateName
		want bool
	}{
		{config.CertificateName{Kind: config.NameDNS, Text: "printer.example.com"}, true},
		{config.CertificateName{Kind: config.NameDNS, Text: "example.com"}, false},
		{config.CertificateName{Kind: config.NameEmail, Text: "printer.example.com"}, false},
		{config.CertificateName{Kind: config.NameEmail, Text: "a@example.com"}, true},
		{config.CertificateName{Kind: config.NameURI, Text: "spiffe://example.com/ci"}, true},
		{config.CertificateName{Kind: config.NameDNS}, false},
		{pattern(config.NameDNS, `.*[.]example[.]com`), true},
		{pattern(config.NameDNS, `example`), false},
		{pattern(config.NameDNS, `a|b[.]example[.]com`), true},
		{pattern(config.NameURI, `spiffe://example[.]com/.*`), true},
		{network("10.0.0.0/8"), true},
		{network("10.1.2.3/32"), true},
		{network("10.1.2.4/32"), false},
		{network("2001:db8::/32"), true},
		{network("0.0.0.0/0"), true},
	} {
		rules := trusting(ours)
		rules.Names = []config.CertificateName{{Kind: config.NameDNS, Text: "other"}, c.name}
		if v := New(rules).Judge(shown, now); (v.Why == nil) != c.want || v.Why != nil && !errors.Is(v.Why, ErrName) {
			t.Errorf("%+v: %v", c.name, v.Why)
		}
		if v := New(rules).Judge(nameless, now); !errors.Is(v.Why, ErrName) {
			t.Errorf("%+v, no name: %v", c.name, v.Why)
		}
	}
}

func TestARouteAsksForMoreAndNeverForLess(t *testing.T) {
	ours := newAuthority(t, "Ours")
	wide := trusting(ours)
	wide.Names = []config.CertificateName{{Kind: config.NameDNS, Text: "printer.example.com"}}
	bad := ours.issue(names)
	wide.Revoked = []*x509.RevocationList{ours.revokes(time.Time{}, bad)}
	narrow := New(wide).Narrowed(config.ClientCertificates{Depth: 1, Names: []config.CertificateName{{Kind: config.NameEmail, Text: "a@example.com"}}})
	for name, c := range map[string]struct {
		shown *holder
		want  error
	}{
		"both names":        {ours.issue(names), nil},
		"the route's alone": {ours.issue(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.com"} }), ErrName},
		"the other alone":   {ours.issue(func(c *x509.Certificate) { c.DNSNames = []string{"printer.example.com"} }), ErrName},
		"a step too many":   {ours.issue(authority("A")).issue(names), ErrDepth},
		"revoked":           {bad, ErrRevoked},
	} {
		if v := narrow.Judge(c.shown.chain(), now); !errors.Is(v.Why, c.want) {
			t.Errorf("%s: %v", name, v.Why)
		}
	}
}

func TestWhatPoliciesSeeOfACertificate(t *testing.T) {
	ours := newAuthority(t, "Ours")
	h := ours.issue(names, func(c *x509.Certificate) {
		c.RawSubject = nil
		c.Subject = pkix.Name{Country: []string{"DE"}, Organization: []string{"A, B+C"}, CommonName: "Prinz \"x\""}
	})
	got := New(trusting(ours)).Judge(h.chain(), now).Certificate
	if len(got.Fingerprint) != 64 || len(got.SPKI) != 64 || got.SPKI == got.Fingerprint {
		t.Errorf("%q, %q", got.Fingerprint, got.SPKI)
	}
	got.Fingerprint, got.SPKI = "", ""
	want := policy.Certificate{
		Present: true, Valid: true, Subject: `CN=Prinz \"x\",O=A\, B\+C,C=DE`, Issuer: "CN=Ours",
		SANDNS: []string{"printer.example.com", "b.example.com"}, SANEmail: []string{"a@example.com"}, SANURI: []string{"spiffe://example.com/ci"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := New(trusting(ours)).Judge(ours.issue().chain(), now).Certificate; got.SANDNS == nil || got.SANEmail == nil || got.SANURI == nil {
		t.Error("a certificate without names has unknown ones")
	}
}

// TestAVerdictHoldsForTheConnectionUntilItsTime: a long connection does not outlive its certificate, nor the list.
func TestAVerdictHoldsForTheConnectionUntilItsTime(t *testing.T) {
	ours := newAuthority(t, "Ours")
	chain := ours.issue().chain()
	free := New(trusting(ours))
	first := free.Judge(chain, now)
	if again := free.Judge(chain[:len(chain):len(chain)], now.Add(9*time.Hour)); again != first {
		t.Error("it is not kept")
	}
	if v := free.Judge(chain, now.Add(11*time.Hour)); !errors.Is(v.Why, ErrTime) {
		t.Errorf("after its end: %v", v.Why)
	}
	rules := trusting(ours)
	rules.Revoked = []*x509.RevocationList{ours.revokes(time.Time{})}
	listed := New(rules)
	if v := listed.Judge(chain, now); v.Why != nil {
		t.Error(v.Why)
	}
	if v := listed.Judge(chain, now.Add(6*time.Hour)); !errors.Is(v.Why, ErrOldList) {
		t.Errorf("after the end of the list: %v", v.Why)
	}
	early := ours.issue(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }).chain()
	if v := free.Judge(early, now); !errors.Is(v.Why, ErrTime) {
		t.Errorf("before its time: %v", v.Why)
	}
	if v := free.Judge(early, now.Add(time.Minute)); v.Why != nil {
		t.Errorf("at its time: %v", v.Why)
	}
	// What one connection did not show, another may.
	between := ours.issue(authority("Between")).issue().chain()
	if v := free.Judge(between[:1:1], now); v.Why != nil && !errors.Is(v.Why, ErrAuthority) {
		t.Error(v.Why)
	}
	if v := free.Judge(append([]*x509.Certificate{}, between...), now); v.Why != nil {
		t.Errorf("another connection: %v", v.Why)
	}
}

func TestVerdictsAreForgottenWithTheirConnections(t *testing.T) {
	ours := newAuthority(t, "Ours")
	leaf := ours.issue().Certificate
	trust := New(trusting(ours))
	for range 100 {
		trust.Judge([]*x509.Certificate{leaf}, now)
	}
	kept := func() int {
		trust.seen.mu.Lock()
		defer trust.seen.mu.Unlock()
		return len(trust.seen.by)
	}
	for deadline := time.Now().Add(30 * time.Second); kept() > 10; runtime.Gosched() {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d are kept", kept())
		}
	}
}

func BenchmarkJudgeAgain(b *testing.B) {
	t := &testing.T{}
	ours := newAuthority(t, "Ours")
	chain, trust := ours.issue().chain(), New(trusting(ours))
	b.ReportAllocs()
	for b.Loop() {
		if trust.Judge(chain, now).Why != nil {
			b.Fatal("not valid")
		}
	}
}
