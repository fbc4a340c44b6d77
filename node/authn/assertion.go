package authn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"picket/node/config"
)

// defaultAssertionLife is how long an assertion is good when the route does not say.
const defaultAssertionLife = 5 * time.Minute

// assertionKey is all by which a cached assertion is found.
type assertionKey struct{ session, route string }

// assertion is a signed identity, and what it was made from.
type assertion struct {
	token  string
	user   *User
	groups *Groups
	keyID  string
	recipe recipe
	renew  time.Time
}

// recipe is what a configuration says of the assertions of a route.
type recipe struct {
	issuer, from config.Origin
	config.Assertion
}

// equal tells whether both make the same assertions.
func (r *recipe) equal(o *recipe) bool {
	return r.issuer == o.issuer && r.from == o.from && r.Audience == o.Audience && r.Lifetime == o.Lifetime &&
		(r.Claims == nil) == (o.Claims == nil) && slices.Equal(r.Claims, o.Claims)
}

// Vouch gives what with makes of a caller and the assertion for the upstream of a route, and remembers it for as long as it would be
// made alike: as long as the assertion is good at the time, and the session, the user, the groups and the configuration are as they
// are. So with goes by nothing else, and nobody changes what it made.
//
// The assertion is the signed identity of the caller: a JWT (RFC 7519) with ES256, whose issuer is the authenticate URL and whose
// subject is the user id. It is cached for each session and route, and made anew at half its life, and when the user, the groups,
// the keys or what the configuration says of it change. On a route without one it is "".
func (a *Authn) Vouch(c Caller, r *config.Route, now time.Time, with func(assertion string) any) (any, error) {
	keys := a.ring.present.Load()
	if c.by != nil {
		if told := c.by.told(a, r, keys, now); told != nil {
			return told, nil
		}
	}
	if !c.Known() {
		return nil, errors.New("nobody is vouched for")
	}
	if later := a.now(); later.After(now) { // who waited for tokens waited since
		now = later
	}
	made := &assertion{renew: now.Add(defaultAssertionLife)}
	if r.Assertion.Header != "" {
		var err error
		if made, err = a.assertion(c, r, keys, now); err != nil {
			return nil, err
		}
	}
	told := with(made.token)
	if c.by != nil {
		c.by.vouch(&vouching{by: a.number, route: r.Name, keys: keys, told: told, renew: made.renew})
	}
	return told, nil
}

// assertion is the one for a route, signed with these keys where there is none that is good at the time.
func (a *Authn) assertion(c Caller, r *config.Route, keys *keySet, now time.Time) (*assertion, error) {
	key, how := assertionKey{c.Session.ID, r.Name}, recipe{a.sso(), r.From, r.Assertion}
	if cached, ok := a.assertions.Get(key); ok && cached.user == c.User && cached.groups == c.Groups &&
		cached.keyID == keys.id && cached.recipe.equal(&how) && now.Before(cached.renew) {
		return cached, nil
	}
	life := r.Assertion.Lifetime
	if life <= 0 {
		life = defaultAssertionLife
	}
	token, err := sign(keys, assertionClaims(c, r, a.sso().String(), now, now.Add(life)))
	if err != nil {
		return nil, err
	}
	made := &assertion{token: token, user: c.User, groups: c.Groups, keyID: keys.id, recipe: how, renew: now.Add(life / 2)}
	a.assertions.Add(key, made)
	return made, nil
}

// assertionClaims are what an upstream is told: who, for whom, until when, and what the route asks for of the person.
func assertionClaims(c Caller, r *config.Route, issuer string, now, expires time.Time) map[string]any {
	if expires.After(c.Session.Expires) {
		expires = c.Session.Expires
	}
	told := map[string]any{}
	names := r.Assertion.Claims
	if names == nil {
		names = []string{"email", "groups", "name"}
	}
	for _, name := range names {
		if v, ok := personal(c, name); ok {
			told[name] = v
		}
	}
	audience := r.Assertion.Audience
	if audience == "" {
		audience = r.From.Authority()
	}
	told["iss"] = issuer
	told["aud"] = audience
	told["sub"] = c.User.ID
	told["sid"] = c.Session.ID
	told["jti"] = newID()
	told["iat"] = now.Unix()
	told["exp"] = expires.Unix()
	return told
}

// personal is a claim about the person; groups are always a list, even an empty one.
func personal(c Caller, name string) (any, bool) {
	switch name {
	case "groups":
		if c.Groups.Names == nil {
			return []string{}, true
		}
		return c.Groups.Names, true
	case "email":
		return c.User.Email, c.User.Email != ""
	case "email_verified":
		return c.User.EmailVerified, true
	case "name":
		return c.User.Name, c.User.Name != ""
	}
	v, ok := c.User.Claims[name]
	return v, ok
}

func sign(keys *keySet, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding an assertion: %w", err)
	}
	jws, err := keys.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("encoding an assertion: %w", err)
	}
	return token, nil
}
