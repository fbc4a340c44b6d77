package authn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"picket/broker"
)

// storeTime bounds what a sign-in waits for the store: longer than an election of its leader takes.
const storeTime = 15 * time.Second

// CallbackRequest is a browser that comes back from an identity provider, on the authenticate host.
type CallbackRequest struct {
	Query     url.Values
	Binding   string // the binding cookie of the authenticate host; "": none
	Cookie    string // the session cookie of the authenticate host; "": none
	Address   string // of the client
	UserAgent string
}

// Callback ends a sign-in: it redeems the provider's code, checks what comes for it, has a quorum store the session, and
// hands it over to the route host. Any error of this package's, and broker.ErrUnavailable.
func (a *Authn) Callback(ctx context.Context, r CallbackRequest) (Step, error) {
	step, err := a.callback(ctx, r)
	a.metrics.signedIn(err)
	return step, err
}

func (a *Authn) callback(ctx context.Context, r CallbackRequest) (Step, error) {
	q, err := parseCallback(r.Query)
	if err != nil {
		return Step{}, err
	}
	s, err := a.openState(q.state, r.Binding)
	if err != nil {
		return Step{}, err
	}
	step, err := a.finish(ctx, q, s, r)
	if err != nil {
		return Step{}, s.fail(err)
	}
	return step, nil
}

// finish does what is left to do once the state is known to be ours and this browser's.
func (a *Authn) finish(ctx context.Context, q callbackQuery, s stay, r CallbackRequest) (Step, error) {
	p := a.providers[s.Identity]
	if p == nil {
		return Step{}, fmt.Errorf("identity %.64q: %w", s.Identity, ErrMalformed)
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Step{}, err
	}
	if err := q.checkIssuer(m); err != nil {
		return Step{}, err
	}
	if q.refusal != "" { // before anything is stored: there is nothing to replay, and whoever can begin can be refused
		return Step{}, q.refused()
	}
	if err := a.spend(ctx, "state-"+s.ID, signInLife); err != nil {
		return Step{}, err
	}
	got, err := p.redeem(ctx, m, q.code, s)
	if err != nil {
		return Step{}, err
	}
	if !got.proof().shows(s.Need, a.now()) {
		return Step{}, fmt.Errorf("%s required: %w", s.Need, ErrTooWeak)
	}
	if s.Program != nil {
		r.Cookie = "" // the browser keeps its session
	}
	session, err := a.record(ctx, s, got, r)
	if err != nil {
		return Step{}, err
	}
	if s.Program != nil {
		return a.handToProgram(s.errand, session.ID)
	}
	step, err := a.handOver(s.errand, session.ID)
	if err != nil {
		return Step{}, err
	}
	step.Cookies = append(step.Cookies, a.sessionCookie(a.sso(), session))
	return step, nil
}

// openState opens the state and checks that it is young and of this browser.
func (a *Authn) openState(sealed, binding string) (stay, error) {
	s, err := unseal[stay](a.seals.state, sealed)
	if err != nil {
		return stay{}, fmt.Errorf("reading the state: %w", err)
	}
	if _, err := a.destination(s.errand); err != nil {
		return stay{}, err
	}
	if s.expired(a.now(), signInLife) {
		return stay{}, s.fail(fmt.Errorf("state: %w", ErrExpired))
	}
	if !bound(s.BoundSSO, binding) {
		return stay{}, s.fail(fmt.Errorf("state: %w", ErrOtherBrowser))
	}
	return s, nil
}

// spend marks something as used. ErrReplayed when it was used before; it is remembered for longer than it is good.
func (a *Authn) spend(ctx context.Context, key string, life time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	_, err := a.once.Create(ctx, key, used{At: a.now()}, life+2*skew)
	if errors.Is(err, broker.ErrConflict) {
		return ErrReplayed
	}
	if err != nil {
		return fmt.Errorf("noting that it was used: %w", err)
	}
	return nil
}

// callbackQuery is what a provider says through the browser (OpenID Connect Core 1.0, 3.1.2.5 and 3.1.2.6).
type callbackQuery struct {
	state   string
	code    string // "" when refusal is not
	refusal string // the parameter "error"
	issuer  string // RFC 9207; "": not sent
}

// Limits of the callback's parameters, in bytes.
const (
	maxCode    = 8 << 10
	maxRefusal = 64
	maxIssuer  = 1 << 10
)

// parseCallback takes what is needed from the query. ErrMalformed when anything is missing, doubled, empty or strange.
func parseCallback(v url.Values) (q callbackQuery, err error) {
	for _, p := range []struct {
		name string
		to   *string
		max  int
	}{{"state", &q.state, maxSealed}, {"code", &q.code, maxCode}, {"error", &q.refusal, maxRefusal}, {"iss", &q.issuer, maxIssuer}} {
		if *p.to, err = parameter(v, p.name, p.max); err != nil {
			return callbackQuery{}, err
		}
	}
	if q.state == "" {
		return callbackQuery{}, fmt.Errorf("callback without state: %w", ErrMalformed)
	}
	if (q.code == "") == (q.refusal == "") {
		return callbackQuery{}, fmt.Errorf("callback needs a code or an error: %w", ErrMalformed)
	}
	return q, nil
}

// parameter is the one value of a parameter, "" when it was not sent.
func parameter(v url.Values, name string, most int) (string, error) {
	values, sent := v[name]
	if !sent {
		return "", nil
	}
	if len(values) != 1 || values[0] == "" || len(values[0]) > most {
		return "", fmt.Errorf("callback parameter %s: %w", name, ErrMalformed)
	}
	for i := range len(values[0]) {
		if c := values[0][i]; c < ' ' || c >= 0x7f { // RFC 6749, appendix A: visible ASCII and space
			return "", fmt.Errorf("callback parameter %s: %w", name, ErrMalformed)
		}
	}
	return values[0], nil
}

// checkIssuer refuses an answer that another provider gave (RFC 9207, section 2.4).
func (q callbackQuery) checkIssuer(m *metadata) error {
	if q.issuer == "" && !m.SaysIssuer || q.issuer == m.Issuer {
		return nil
	}
	return fmt.Errorf("answer of issuer %q, expected %q: %w", q.issuer, m.Issuer, ErrMalformed)
}

// refused is the error that the provider's refusal is for us (RFC 6749, section 4.1.2.1).
func (q callbackQuery) refused() error {
	switch q.refusal {
	case "server_error", "temporarily_unavailable":
		return fmt.Errorf("provider answered %q: %w", q.refusal, ErrProvider)
	}
	return fmt.Errorf("provider answered %q: %w", q.refusal, ErrRefusedByProvider)
}
