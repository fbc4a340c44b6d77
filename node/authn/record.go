package authn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync/atomic"
	"time"

	"picket/broker"
)

// Session is one sign-in of one person in one browser. It is stored under its id until it expires. What the package
// hands out is shared: read only.
type Session struct {
	// By atomic access only, in Unix ns; first, to be aligned everywhere.
	seen    int64 // when last used on this node
	touched int64 // before which a touch is not asked for again
	asked   int64 // before which a refresh is not asked for again
	retry   int64 // before which a refresh is not tried again, for it failed
	tries   int64 // how many refreshes failed in a row; no time

	proven   proven       // the tags of its cookies that this node verified
	admitted atomic.Value // of *admission: what this node found out; nothing yet: it was not asked, or not admitted

	broker.Rest
	ID            string    `json:"id"`
	User          string    `json:"user"`          // user id
	Identity      string    `json:"identity"`      // name of the identity block that vouched
	SID           string    `json:"sid,omitempty"` // the provider's session id
	Epoch         uint64    `json:"epoch"`         // the user's epoch when made; void when below the user's present one
	Begun         time.Time `json:"begun"`
	Expires       time.Time `json:"expires"`                // absolute
	Authenticated time.Time `json:"authenticated,omitzero"` // when the provider saw the person; zero: it did not say
	ACR           string    `json:"acr,omitempty"`
	AMR           []string  `json:"amr,omitempty"`
	Device        string    `json:"device,omitempty"`  // the browser: the same for as long as it keeps its cookies
	Address       string    `json:"address,omitempty"` // of the client that signed in
	UserAgent     string    `json:"user_agent,omitempty"`
	Seen          time.Time `json:"seen"`                   // when last used, to a sixteenth of the idle time
	RefreshAt     time.Time `json:"refresh_at,omitzero"`    // when tokens are to be refreshed; zero: never
	VouchedUntil  time.Time `json:"vouched_until,omitzero"` // when the tokens run out, unless they are refreshed; zero: never
	Generation    uint64    `json:"generation,omitempty"`   // of the tokens that user and groups were last learned from
	SteppedUp     bool      `json:"stepped_up,omitempty"`   // it was made because a policy required more of an earlier one
	Program       bool      `json:"program,omitempty"`      // a program holds it, not a browser
	Replaced      string    `json:"replaced,omitempty"`     // id of the session whose place this one took in the browser
}

// lastSeen is when the session was last used, as far as this node knows.
func (s *Session) lastSeen() int64 { return max(atomic.LoadInt64(&s.seen), s.Seen.UnixNano()) }

// lapsed tells whether the tokens have run out: what is known of the person is older than the provider vouched for.
func (s *Session) lapsed(now time.Time) bool {
	return !s.VouchedUntil.IsZero() && !now.Before(s.VouchedUntil)
}

// User is a person as an identity provider describes them. It is stored under its id, and stays.
type User struct {
	broker.Rest
	ID            string         `json:"id"` // derived from Issuer and Subject
	Issuer        string         `json:"issuer"`
	Subject       string         `json:"subject"`
	Email         string         `json:"email,omitempty"`
	EmailVerified bool           `json:"email_verified,omitempty"`
	Name          string         `json:"name,omitempty"`
	Claims        map[string]any `json:"claims,omitempty"` // replaced whole by every sign-in and refresh that brings an ID token
	Signed        []string       `json:"signed,omitempty"` // names of the claims that the last ID token told; the rest are of userinfo
	Active        bool           `json:"active"`
	Epoch         uint64         `json:"epoch"` // raised to end all sessions of the user
}

// Groups are the groups of a user, replaced whole by every sign-in and by every refresh that tells of them.
type Groups struct {
	broker.Rest
	Names  []string  `json:"names"`
	Source string    `json:"source"` // name of the identity block
	AsOf   time.Time `json:"as_of"`
}

// tokens are what the provider gave for a session; stored sealed, under the session's id.
type tokens struct {
	broker.Rest
	Access     string    `json:"access,omitempty"`
	Refresh    string    `json:"refresh,omitempty"`
	ID         string    `json:"id,omitempty"`
	Expires    time.Time `json:"expires,omitzero"` // of Access; zero: the provider did not say
	Generation uint64    `json:"generation"`       // counts refreshes
	Stored     time.Time `json:"stored,omitzero"`  // when this generation was; zero: at the sign-in
	Claimed    *claim    `json:"claimed,omitempty"`
}

// claim says that a node set out to redeem this generation of tokens. It is never taken over: the refresh token may have
// been spent, whatever became of the node.
type claim struct {
	ID   string    `json:"id"` // of the attempt
	Node string    `json:"node"`
	At   time.Time `json:"at"`
	Lost bool      `json:"lost,omitempty"` // it came to no end, and the node that made it knows
}

// used says that something which is good for one use was used.
type used struct {
	At time.Time `json:"at"`
}

// idLength is the length of newID's answer.
const idLength = 22

// newID is 128 random bits in base64url. It does not begin with "-": the id of a session is given to commands, and what
// begins so is a flag there.
func newID() string {
	for {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		if id := base64.RawURLEncoding.EncodeToString(b[:]); id[0] != '-' {
			return id
		}
	}
}

// wellFormedUser tells whether s may be a user id.
func wellFormedUser(s string) bool {
	var raw [18]byte
	return decodes(s, raw[:])
}

// userID is the same for the same person at the same issuer, everywhere and always.
func userID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject)) // an issuer is a URL and holds no NUL
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
