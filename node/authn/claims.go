package authn

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what a provider may say of a person.
const (
	maxSubject = 255       // characters (OpenID Connect Core 1.0, section 2)
	maxClaims  = 256 << 10 // bytes, all together
	future     = 5 * time.Minute
	past       = 10 * time.Minute // of who was not there yet: Entra says that a token is 5 minutes older than it is
)

// claims are what a token says, by exactly the names that it says it under.
type claims map[string]any

// beside is what an ID token comes with.
type beside struct {
	access string    // token
	code   string    // that it was given for; "": for a refresh token
	begun  time.Time // when it was asked for, by our clock; zero: it may be one that was issued before
}

// verify checks an ID token (OpenID Connect Core 1.0, section 3.1.3.7), but not its nonce, and gives its claims.
// A claim that is missing is a wrong one. ErrProvider, with ErrAnswer when it is wrong, and ErrClocks when only its time is.
func (p *provider) verify(ctx context.Context, m *metadata, raw string, of beside) (claims, error) {
	if err := checkForm(raw); err != nil {
		return nil, err
	}
	payload, alg, err := m.keys.verify(ctx, raw, m.believed())
	if err != nil {
		return nil, fmt.Errorf("verifying the ID token: %w", err)
	}
	c := claims{}
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("reading the ID token: %w: %w", ErrAnswer, ErrProvider)
	}
	if err := c.check(m.Issuer, p.identity.ClientID); err != nil {
		return nil, err
	}
	if err := p.checkTime(c, of.begun); err != nil {
		return nil, err
	}
	if err := c.checkHash("at_hash", of.access, alg); err != nil {
		return nil, err
	}
	return c, c.checkHash("c_hash", of.code, alg)
}

// checkHash refuses a token that is not for what came with it, where it names that (OpenID Connect Core 1.0, sections 3.1.3.6
// and 3.3.2.11). alg is the algorithm of its signature, of which the hash is.
func (c claims) checkHash(name, of, alg string) error {
	said, there := c[name]
	if of == "" || !there || said == nil || said == "" {
		return nil
	}
	if said != halfHash(alg, of) {
		return fmt.Errorf("ID token: claim %s is of something else: %w: %w", name, ErrAnswer, ErrProvider)
	}
	return nil
}

// halfHash is the first half of the hash that a signature algorithm uses; EdDSA uses SHA-512.
func halfHash(alg, of string) string {
	var half []byte
	switch {
	case strings.HasSuffix(alg, "256"):
		sum := sha256.Sum256([]byte(of))
		half = sum[:len(sum)/2]
	case strings.HasSuffix(alg, "384"):
		sum := sha512.Sum384([]byte(of))
		half = sum[:len(sum)/2]
	default:
		sum := sha512.Sum512([]byte(of))
		half = sum[:len(sum)/2]
	}
	return base64.RawURLEncoding.EncodeToString(half)
}

// check is for whom and by whom, asked for by exact name.
func (c claims) check(issuer, client string) error {
	aud := c.list("aud")
	azp, hasAzp := c["azp"]
	var wrong string
	switch {
	case c.text("iss") != issuer:
		wrong = "iss"
	case !isSubject(c.text("sub")):
		wrong = "sub"
	case !slices.Contains(aud, client):
		wrong = "aud"
	case hasAzp && azp != client, !hasAzp && len(aud) > 1:
		wrong = "azp"
	case !c.hasTimes():
		wrong = "exp, iat or nbf"
	default:
		return c.checkSize()
	}
	return fmt.Errorf("ID token: claim %s is missing or wrong: %w: %w", wrong, ErrAnswer, ErrProvider)
}

// isSubject tells whether somebody can be called so. What is no Unicode was read as U+FFFD, which two people may share.
func isSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) })
}

// hasTimes tells whether the times are there, and are times; nbf may be missing.
func (c claims) hasTimes() bool {
	_, hasExp := c.time("exp")
	_, hasIat := c.time("iat")
	_, hasNbf := c.time("nbf")
	return hasExp && hasIat && (hasNbf || c["nbf"] == nil)
}

// checkTime is whether a token is good at this time. It was issued a moment ago, for us: one of another time shows that the
// clocks disagree, which is remembered until one is good. One that holds our nonce cannot be older than the nonce (OpenID Connect
// Core 1.0, section 3.1.3.7, step 10). ErrClocks and ErrProvider.
func (p *provider) checkTime(c claims, begun time.Time) error {
	now := p.now()
	exp, _ := c.time("exp")
	iat, _ := c.time("iat")
	nbf, _ := c.time("nbf")
	seen, _ := c.time("auth_time") // who was seen only later would be recent for as long
	var err error
	early := iat.Before(begun.Add(-past))
	if latest := now.Add(future); early || !now.Before(exp) || iat.After(latest) || nbf.After(latest) || seen.After(latest) {
		err = fmt.Errorf("ID token: issued %s, and good until %s, by the provider's clock: do the clocks of this machine and of the provider agree? %w: %w",
			apart(iat, now), exp.UTC().Format(time.RFC3339), ErrClocks, ErrProvider)
	}
	p.compared(iat.Sub(now), err)
	return err
}

// apart is how far t is from now, in words.
func apart(t, now time.Time) string {
	d := t.Sub(now).Round(time.Second)
	if d > 0 {
		return d.String() + " in the future"
	}
	return (-d).String() + " ago"
}

func (c claims) checkNonce(nonce string) error {
	if subtle.ConstantTimeCompare([]byte(c.text("nonce")), []byte(nonce)) != 1 {
		return fmt.Errorf("ID token: claim nonce is missing or wrong: %w: %w", ErrAnswer, ErrProvider)
	}
	return nil
}

func (c claims) checkSize() error {
	text, err := json.Marshal(c)
	if err != nil || len(text) > maxClaims {
		return fmt.Errorf("claims of more than %d bytes: %w: %w", maxClaims, ErrAnswer, ErrProvider)
	}
	return nil
}

// text is a claim that is a string, "" when it is not.
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// list is a claim that is a string or a list of them; what else is in the list is left out.
func (c claims) list(name string) []string {
	switch v := c[name].(type) {
	case string:
		return []string{v}
	case []any:
		all := make([]string, 0, len(v))
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// time is a claim that is a NumericDate (RFC 7519, section 2).
func (c claims) time(name string) (time.Time, bool) {
	f, ok := c[name].(float64)
	if !ok || f <= 0 || f > math.MaxInt32*1000 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

// ofToken are the claims that speak of a token, not of the person.
var ofToken = [...]string{
	"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "sid", "auth_time",
	"acr", "amr", "typ",
}

// person are the names of the claims that speak of the person, in order.
func (c claims) person() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c)), func(name string) bool { return slices.Contains(ofToken[:], name) })
}

// fill adds what is said of the person in more, where c says nothing. That an address was verified is said of no other address.
func (c claims) fill(more claims) {
	more = maps.Clone(more)
	for _, name := range [...]string{"email", "phone_number"} {
		mine, said := c.text(name), more.text(name)
		if c[name] != nil && more[name] != nil && (mine == "" || !strings.EqualFold(mine, said)) {
			delete(more, name+"_verified")
		}
	}
	for name, v := range more {
		if _, said := c[name]; !said && !slices.Contains(ofToken[:], name) {
			c[name] = v
		}
	}
}

// vouch makes of the claims what we keep of a person.
func (c claims) vouch(issuer, groupsClaim string) vouched {
	if groupsClaim == "" {
		groupsClaim = "groups"
	}
	v := vouched{
		user: User{
			ID:            userID(issuer, c.text("sub")),
			Issuer:        issuer,
			Subject:       c.text("sub"),
			Email:         c.text("email"),
			EmailVerified: c["email_verified"] == true || c["email_verified"] == "true",
			Name:          c.text("name"),
			Claims:        map[string]any{},
		},
		groups: slices.DeleteFunc(c.list(groupsClaim), func(g string) bool { return strings.TrimSpace(g) == "" }),
		sid:    c.text("sid"),
		acr:    c.text("acr"),
		amr:    c.list("amr"),
	}
	v.authenticated, _ = c.time("auth_time")
	if v.user.Name == "" {
		v.user.Name = c.text("preferred_username")
	}
	if v.groups == nil {
		v.groups = []string{}
	}
	for _, name := range c.person() {
		v.user.Claims[name] = c[name]
	}
	return v
}
