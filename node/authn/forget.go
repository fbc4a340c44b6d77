package authn

import (
	"context"
)

// forgotten are tokens of an ended session, which their provider is to forget too.
type forgotten struct {
	identity string
	session  string
	tokens   tokens
}

// forgetLater has a provider revoke tokens of an ended session (RFC 7009), in the background and as far as can be: they
// are deleted here already, and nobody waits for it.
func (a *Authn) forgetLater(identity, session string, t tokens) {
	if t.Refresh == "" && t.Access == "" {
		return
	}
	if !queue(a.forgets, forgotten{identity, session, t}) {
		a.metrics.forgot("dropped")
	}
}

// forget does what forgetLater asked for. A node that stops does not begin it any more.
func (a *Authn) forget(ctx context.Context, f forgotten) {
	p := a.providers[f.identity]
	if p == nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patientTime)
	defer cancel()
	m, err := p.metadata(ctx)
	if err == nil && m.Revoke == "" {
		a.metrics.forgot("not_offered")
		return
	}
	if err == nil {
		err = p.revoke(ctx, m, f.tokens)
	}
	if err != nil {
		a.metrics.forgot("failed")
		a.log.Debug().Err(err).Str("session", f.session).Msg("tokens of an ended session not revoked at the provider")
		return
	}
	a.metrics.forgot("done")
}

// endAndForget ends a session and has its provider revoke its tokens. Not for one that another takes the place of in the
// browser: to a provider both may be one, and it would end with it.
func (a *Authn) endAndForget(ctx context.Context, id, identity string) error {
	if err := a.deleteSession(ctx, id); err != nil {
		return err
	}
	if e, err := a.tokens.Get(ctx, id); err == nil {
		a.forgetLater(identity, id, e.Value)
	}
	a.endTokens(ctx, id)
	return nil
}
