package authn

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"picket/broker"
	"picket/policy"
)

// How long what a browser carries for us is good.
const (
	signInLife   = 15 * time.Minute // a request to sign in, and the stay at the provider
	handOverLife = 60 * time.Second
	signOutLife  = 5 * time.Minute
	skew         = time.Minute // by which the clocks of two nodes may differ
)

// maxSealed bounds what is opened at all, in characters. What we make is well below.
const maxSealed = 12 << 10

// errand is what every sealed request is about: whose sign-in, to where.
type errand struct {
	ID       string `json:"i"`           // unique; what is spent
	Issued   int64  `json:"t"`           // Unix seconds
	Origin   string `json:"o"`           // of the route host that began
	Route    string `json:"r,omitempty"` // name; "": a page of ours
	ReturnTo string `json:"u"`           // path and query on Origin
	Bound    string `json:"b"`           // hash of the binding of the browser on Origin

	Need    *policy.Requirement `json:"q,omitempty"` // what the session has to show in the end; nil: nothing
	Program *program            `json:"p,omitempty"` // whom the session is for; nil: the browser
}

// again is where the errand can be begun anew.
func (e errand) again() string { return e.Origin + e.ReturnTo }

// fail gives err the address where the errand can be begun anew.
func (e errand) fail(err error) error { return againError{err, e.again()} }

// expired tells whether the errand is older than life, or from a future that no clock explains.
func (e errand) expired(now time.Time, life time.Duration) bool {
	issued := time.Unix(e.Issued, 0)
	return now.After(issued.Add(life)) || issued.After(now.Add(skew))
}

// stay is the state that goes to a provider and comes back.
type stay struct {
	errand
	Identity string `json:"n"`
	Nonce    string `json:"c"`
	Verifier string `json:"v"` // of PKCE (RFC 7636)
	BoundSSO string `json:"s"` // hash of the binding on the authenticate host
}

// handOver is the code that brings a session to the route host that asked for it.
type handOver struct {
	errand
	Session string `json:"s"`
}

// farewell is a sign-out on its way to the authenticate host and the provider.
type farewell struct {
	Issued   int64  `json:"t"`
	Origin   string `json:"o"`           // that was signed out
	Session  string `json:"s,omitempty"` // "": there was none
	Identity string `json:"n,omitempty"`
}

// seals are the sealers, one for each purpose, so that nothing made for one opens for another.
type seals struct {
	request, state, code, farewell, goodbye, program, programCode *broker.Sealer
}

func newSeals(k *broker.Keyring) seals {
	return seals{
		request:  k.Sealer("sign-in request"),
		state:    k.Sealer("sign-in state"),
		code:     k.Sealer("hand-over code"),
		farewell: k.Sealer("sign-out request"),
		goodbye:  k.Sealer("signed-out state"),

		program:     k.Sealer("program sign-in request"),
		programCode: k.Sealer("program code"),
	}
}

// seal makes text, safe in a query, of v.
func seal(s *broker.Sealer, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.Seal(plain)), nil
}

// unseal opens what seal made with the same sealer; ErrMalformed for anything else.
func unseal[T any](s *broker.Sealer, text string) (T, error) {
	var v T
	if text == "" || len(text) > maxSealed {
		return v, fmt.Errorf("sealed text of %d characters: %w", len(text), ErrMalformed)
	}
	raw, err := strict.DecodeString(text)
	if err != nil {
		return v, fmt.Errorf("decoding sealed text: %w", ErrMalformed)
	}
	plain, err := s.Open(raw)
	if err != nil {
		return v, fmt.Errorf("opening sealed text: %w", ErrMalformed)
	}
	if err := json.Unmarshal(plain, &v); err != nil {
		return v, fmt.Errorf("reading sealed text: %w", ErrMalformed)
	}
	return v, nil
}
