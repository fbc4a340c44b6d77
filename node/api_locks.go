package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"picket/node/authn"
)

// largestLock is how many bytes a request for a lock may have.
const largestLock = 16 << 10

// The admin API of locks, for `picket lock`, and of what else bars users.

func (a *api) mountLocks(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/locks", a.locks)
	mux.HandleFunc("POST /v1/locks", a.addLock)
	mux.HandleFunc("DELETE /v1/locks/{id}", a.removeLock)
	mux.HandleFunc("PUT /v1/users/{id}", a.setUser)
}

// lockRequest is the body of POST /v1/locks.
type lockRequest struct {
	Kind   authn.LockKind `json:"kind"` // user, group, session, device or address
	Target string         `json:"target"`
	Reason string         `json:"reason"`
	Author string         `json:"author"`
	TTL    string         `json:"ttl"` // as 90m or 24h; "": it holds until it is removed
}

// locks are those in force.
func (a *api) locks(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	all, unreadable, err := a.node.authn().Locks(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	list := map[string]any{"locks": append([]authn.Lock{}, all...)}
	if len(unreadable) > 0 {
		list["unreadable"] = unreadable // as long as there are any, nobody is admitted
	}
	answer(w, http.StatusOK, list)
}

// addLock answers with the lock when a quorum has it.
func (a *api) addLock(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	var asked lockRequest
	if !read(w, r, &asked) {
		return
	}
	request := authn.LockRequest{Kind: asked.Kind, Target: asked.Target, Reason: asked.Reason, Author: asked.Author}
	if asked.TTL != "" {
		var err error
		if request.TTL, err = time.ParseDuration(asked.TTL); err != nil || request.TTL <= 0 {
			malformed(w, fmt.Sprintf("ttl is %q: write how long the lock holds, as 90m or 24h, or leave it out for one that stays", asked.TTL))
			return
		}
	}
	lock, err := a.node.authn().AddLock(r.Context(), request)
	if errors.Is(err, authn.ErrBadLock) {
		malformed(w, err.Error())
		return
	}
	if err != nil {
		fail(w, err)
		return
	}
	a.tellLock(lock, "locked by the operator")
	answer(w, http.StatusOK, lock)
}

// removeLock answers when a quorum has it.
func (a *api) removeLock(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	lock, err := a.node.authn().RemoveLock(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	lock.ID = r.PathValue("id")
	a.tellLock(lock, "lock removed by the operator")
	answer(w, http.StatusOK, map[string]int{"removed": 1})
}

func (a *api) tellLock(l authn.Lock, what string) {
	target := l.Target
	if l.Kind == authn.LockSession {
		target = short(target)
	}
	e := a.node.log.Info().Str("lock", l.ID).Str("kind", string(l.Kind)).Str("target", target).Str("reason", l.Reason).Str("author", l.Author)
	if !l.Expires.IsZero() {
		e.Time("expires", l.Expires)
	}
	e.Msg(what)
}

// userRequest is the body of PUT /v1/users/ID.
type userRequest struct {
	Active *bool `json:"active"`
}

// setUser makes a user active or inactive. A user who is not ends all sessions, and cannot sign in, whatever the identity
// provider says; a lock, in contrast, lets them go on once it is removed.
func (a *api) setUser(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	var asked userRequest
	if !read(w, r, &asked) {
		return
	}
	if asked.Active == nil {
		malformed(w, `say {"active": true} or {"active": false}`)
		return
	}
	users, err := a.node.authn().SetActive(r.Context(), r.PathValue("id"), *asked.Active)
	if err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Strs("users", users).Bool("active", *asked.Active).Msg("users made active or inactive by the operator")
	answer(w, http.StatusOK, map[string]any{"users": users})
}

// read takes a body of JSON, and answers for one that is none.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestLock))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("something follows the one value")
	}
	malformed(w, "the body is not what this address takes: "+err.Error())
	return false
}
