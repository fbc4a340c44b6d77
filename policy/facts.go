package policy

import "sync"

// section is a part of an Input as it is written down, in JSON and in test blocks. What it calls a fact is what rules
// call it.
type section struct {
	name  string // "user"; "": at the top
	facts []fact
}

// fact is one value of an Input.
type fact struct {
	name string
	of   func(in *Input) any // points to where it is: a string, bool, []string, map[string]any, time.Time, netip.Addr, Fields, or *Data
}

// sections gives the table of all that can be written down of an Input.
var sections = sync.OnceValue(func() []section {
	return []section{
		{"", []fact{
			{"authenticated", func(in *Input) any { return &in.Authenticated }},
			{"now", func(in *Input) any { return &in.Now }},
			{"data", func(in *Input) any { return &in.Data }},
		}},
		{"user", []fact{
			{"id", func(in *Input) any { return &in.User.ID }},
			{"email", func(in *Input) any { return &in.User.Email }},
			{"email_verified", func(in *Input) any { return &in.User.EmailVerified }},
			{"name", func(in *Input) any { return &in.User.Name }},
			{"groups", func(in *Input) any { return &in.User.Groups }},
			{"claims", func(in *Input) any { return &in.User.Claims }},
			{"identity", func(in *Input) any { return &in.User.Identity }},
		}},
		{"session", []fact{
			{"id", func(in *Input) any { return &in.Session.ID }},
			{"begun", func(in *Input) any { return &in.Session.Begun }},
			{"authenticated", func(in *Input) any { return &in.Session.Authenticated }},
			{"acr", func(in *Input) any { return &in.Session.ACR }},
			{"amr", func(in *Input) any { return &in.Session.AMR }},
			{"identity", func(in *Input) any { return &in.Session.Identity }},
			{"device", func(in *Input) any { return &in.Session.Device }},
		}},
		{"request", []fact{
			{"method", func(in *Input) any { return &in.Request.Method }},
			{"host", func(in *Input) any { return &in.Request.Host }},
			{"path", func(in *Input) any { return &in.Request.Path }},
			{"query", func(in *Input) any { return &in.Request.Query }},
			{"headers", func(in *Input) any { return &in.Request.Header }},
			{"ip", func(in *Input) any { return &in.Request.IP }},
			{"scheme", func(in *Input) any { return &in.Request.Scheme }},
			{"user_agent", func(in *Input) any { return &in.Request.UserAgent }},
			{"cors_preflight", func(in *Input) any { return &in.Request.CORSPreflight }},
			{"websocket", func(in *Input) any { return &in.Request.WebSocket }},
		}},
		{"certificate", []fact{
			{"present", func(in *Input) any { return &in.Certificate.Present }},
			{"valid", func(in *Input) any { return &in.Certificate.Valid }},
			{"fingerprint", func(in *Input) any { return &in.Certificate.Fingerprint }},
			{"spki", func(in *Input) any { return &in.Certificate.SPKI }},
			{"subject", func(in *Input) any { return &in.Certificate.Subject }},
			{"issuer", func(in *Input) any { return &in.Certificate.Issuer }},
			{"san_dns", func(in *Input) any { return &in.Certificate.SANDNS }},
			{"san_email", func(in *Input) any { return &in.Certificate.SANEmail }},
			{"san_uri", func(in *Input) any { return &in.Certificate.SANURI }},
		}},
		{"workload", []fact{
			{"issuer", func(in *Input) any { return &in.Workload.Issuer }},
			{"subject", func(in *Input) any { return &in.Workload.Subject }},
			{"claims", func(in *Input) any { return &in.Workload.Claims }},
		}},
		{"service", []fact{
			{"id", func(in *Input) any { return &in.Service.ID }},
			{"name", func(in *Input) any { return &in.Service.Name }},
		}},
	}
})

// tells tells whether a fact is told when it is false, too: to leave it out says something else.
func (s *section) tells(name string) bool {
	return s.name == "" && name == "authenticated" || s.name == "certificate" && name == "present"
}
