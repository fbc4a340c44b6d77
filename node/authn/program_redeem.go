package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"picket/broker"
	"picket/node/config"
)

// handToProgram sends the browser to where the program listens, with a code for its session.
func (a *Authn) handToProgram(e errand, session string) (Step, error) {
	h := handOver{errand: e, Session: session}
	h.ID, h.Issued = newID(), a.now().Unix()
	code, err := seal(a.seals.programCode, h)
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: e.Program.lead("code", code)}, nil
}

// RedeemProgramRequest is a program that brings the code which it was handed.
type RedeemProgramRequest struct {
	Origin   config.Origin // of the host that it asks
	Code     string
	Verifier string // whose challenge it began with
}

// ProgramSession is what a program is given.
type ProgramSession struct {
	Token   string    // to be shown as a bearer, at the origin alone
	Session string    // id
	Expires time.Time // at the latest
}

// shortestVerifier and longestVerifier are the bounds of RFC 7636, section 4.1.
const shortestVerifier, longestVerifier = 43, 128

// RedeemProgram turns a code, once, into a program's bearer. A session that nobody will hold is ended.
// ErrMalformed, ErrExpired, ErrReplayed, broker.ErrUnavailable.
func (a *Authn) RedeemProgram(ctx context.Context, r RedeemProgramRequest) (ProgramSession, error) {
	h, err := unseal[handOver](a.seals.programCode, r.Code)
	if err != nil {
		return ProgramSession{}, fmt.Errorf("reading the code: %w", err)
	}
	if h.Program == nil || h.Origin != r.Origin.String() {
		return ProgramSession{}, fmt.Errorf("code for %.128q at %s: %w", h.Origin, r.Origin, ErrMalformed)
	}
	if h.expired(a.now(), handOverLife) {
		return ProgramSession{}, fmt.Errorf("code: %w", ErrExpired)
	}
	if err := a.spend(ctx, "code-"+h.ID, handOverLife); err != nil { // also when the next check fails: it has been seen
		return ProgramSession{}, err
	}
	if !h.Program.began(r.Verifier) {
		if err := a.end(ctx, h.Session); err != nil {
			a.log.Warn().Err(err).Str("session", h.Session).Msg("a session that nobody holds was not ended")
		}
		return ProgramSession{}, fmt.Errorf("code of another program: %w", ErrMalformed)
	}
	s, err := a.sessions.Get(ctx, h.Session)
	if errors.Is(err, broker.ErrNotFound) {
		return ProgramSession{}, fmt.Errorf("the session has ended: %w", ErrExpired)
	}
	if err != nil {
		return ProgramSession{}, fmt.Errorf("looking for the session: %w", err)
	}
	return ProgramSession{Token: a.bearer(r.Origin, h.Session), Session: h.Session, Expires: s.Value.Expires}, nil
}

// began tells whether a program is the one that asked for the code (RFC 7636, section 4.6).
func (p *program) began(verifier string) bool {
	if len(verifier) < shortestVerifier || len(verifier) > longestVerifier {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(p.Challenge)) == 1
}
