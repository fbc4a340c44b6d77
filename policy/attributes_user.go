package policy

import "time"

func userAttributes() []attribute {
	return []attribute{
		{"user.id", "The user, as derived from issuer and subject.", `user.id == "u1"`,
			text, userText(func(u *User) string { return u.ID }), nil},
		{"user.email", "The email address.", `user.email == "a@example.com"`,
			text, userText(func(u *User) string { return u.Email }), nil},
		{"user.email_verified", "Whether the identity provider says that the address was verified.", `user.email_verified`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.User.EmailVerified, f.in.Authenticated }), nil},
		{"user.email_domain", "What follows the last @ of the email address, in lower case.", `user.email_domain == "example.com"`,
			text, eval[string](func(f *frame) (string, bool) { return emailDomain(f, f.in.User.Email) }), lowerCase},
		{"user.name", "The full name.", `user.name == "Alice"`,
			text, userText(func(u *User) string { return u.Name }), nil},
		{"user.groups", "The names of the groups that the user is in.", `has(user.groups, "sre")`,
			list, listOf(func(in *Input) []string { return in.User.Groups }), nil},
		{"user.claims", "What the identity provider says of the user, by name.", `user.claims["department"] == "sales"`,
			dynamic, eval[any](func(f *frame) (any, bool) { return f.in.User.Claims, f.in.User.Claims != nil }), nil},
		{"user.identity", "The name of the identity block that vouches for the user.", `user.identity == "corp"`,
			text, userText(func(u *User) string { return u.Identity }), nil},
	}
}

func sessionAttributes() []attribute {
	return []attribute{
		{"session.id", "The session.", `session.id != "s1"`,
			text, sessionText(func(s *Session) string { return s.ID }), nil},
		{"session.begun", "When the session was made.", `session.begun > date("2026-01-01", "UTC")`,
			instant, timeOf(func(in *Input) time.Time { return in.Session.Begun }), nil},
		{"session.authenticated", "When the user last proved to the identity provider who they are.", `now - session.authenticated < duration("1h")`,
			instant, timeOf(func(in *Input) time.Time { return in.Session.Authenticated }), nil},
		{"session.age", "How long ago the session was made.", `session.age < duration("8h")`,
			span, eval[time.Duration](sessionAge), nil},
		{"session.acr", "How well the user was authenticated: the class that the identity provider names.", `session.acr == "phr"`,
			text, sessionText(func(s *Session) string { return s.ACR }), nil},
		{"session.amr", "By which methods the user was authenticated.", `has(session.amr, "mfa")`,
			list, listOf(func(in *Input) []string { return in.Session.AMR }), nil},
		{"session.identity", "The name of the identity block that the session was begun with.", `session.identity == "corp"`,
			text, sessionText(func(s *Session) string { return s.Identity }), nil},
		{"session.device", "The device that the session is bound to.", `present(session.device)`,
			text, sessionText(func(s *Session) string { return s.Device }), nil},
	}
}

func userText(of func(*User) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.User)
		return value, value != ""
	}
}

func sessionText(of func(*Session) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.Session)
		return value, value != ""
	}
}

func sessionAge(f *frame) (time.Duration, bool) {
	begun := f.in.Session.Begun
	return f.in.Now.Sub(begun), !begun.IsZero() && !f.in.Now.IsZero()
}
