package authn

import (
	"context"
	"strings"

	"picket/node/config"
)

// What a program shows is
//
//	picket.1.SESSION.TAG
//
// the form of a cookie behind a word that tells it from other bearers, with a tag of another key: neither passes for the
// other, and it is good for the one origin that it was made for.
const bearerPrefix = "picket."

// Bearer is the token in a line of an Authorization field (RFC 6750, section 2.1) when it is of ours by its form, good or
// not; "" otherwise. No application is to see it.
func Bearer(line string) string {
	line = strings.Trim(line, " \t")
	end := strings.IndexAny(line, " \t")
	if end < 0 || !strings.EqualFold(line[:end], "Bearer") {
		return ""
	}
	token := strings.TrimLeft(line[end:], " \t")
	if !strings.HasPrefix(token, bearerPrefix) {
		return ""
	}
	return token
}

// SoleBearer is our bearer among the lines of an Authorization field; "" when none is of ours. Of several lines nobody
// knows which is meant: then it is one that nobody holds, and no cookie's turn either.
func SoleBearer(lines []string) string {
	for _, line := range lines {
		if token := Bearer(line); token != "" {
			if len(lines) > 1 {
				return bearerPrefix
			}
			return token
		}
	}
	return ""
}

// bearer is what a program shows of a session on an origin.
func (a *Authn) bearer(o config.Origin, session string) string {
	return bearerPrefix + a.bearers.make(o, session)
}

// openBearer is the session id in a bearer that was made for this origin, and the session as opened has it.
func (a *Authn) openBearer(o config.Origin, token string) (id string, held *Session, ok bool) {
	rest, ok := strings.CutPrefix(token, bearerPrefix)
	if !ok {
		return "", nil, false
	}
	return a.opened(a.bearers, o, rest)
}

// IdentifyProgram is Identify for a program's bearer instead of a browser's cookie.
func (a *Authn) IdentifyProgram(ctx context.Context, o config.Origin, token string, r *config.Route) (Caller, Answer) {
	id, held, ok := a.openBearer(o, token)
	if !ok {
		return Caller{}, Absent
	}
	return a.identify(ctx, id, held, r, a.now())
}

// RecheckProgram is Recheck for a program's bearer.
func (a *Authn) RecheckProgram(ctx context.Context, o config.Origin, token string, r *config.Route) (Caller, Answer) {
	id, held, ok := a.openBearer(o, token)
	if !ok {
		return Caller{}, Absent
	}
	return a.recheck(ctx, id, held, r)
}
