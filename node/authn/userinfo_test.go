package authn

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestSignedUserinfoIsBelievedWhenItIsForUs(t *testing.T) {
	w := newWorld(t)
	other := newIDP(t, w.clock.Now)
	ours := jose.JSONWebKey{Key: w.idp.key, KeyID: "k1"}
	for what, c := range map[string]struct {
		info map[string]any
		key  jose.JSONWebKey
		want error
	}{
		"as it should be":        {map[string]any{"iss": w.idp.server.URL, "aud": "picket-corp"}, ours, nil},
		"for several":            {map[string]any{"aud": []string{"other", "picket-corp"}}, ours, nil},
		"of no issuer":           {nil, ours, nil},
		"by another's key":       {nil, jose.JSONWebKey{Key: other.key, KeyID: "k1"}, ErrAnswer},
		"of another issuer":      {map[string]any{"iss": "https://evil.example"}, ours, ErrAnswer},
		"for another client":     {map[string]any{"aud": "other"}, ours, ErrAnswer},
		"for who is no text":     {map[string]any{"aud": 7}, ours, ErrAnswer},
		"an issuer of no text":   {map[string]any{"iss": 7}, ours, ErrAnswer},
		"with somebody else's":   {map[string]any{"sub": "bob"}, ours, ErrAnswer},
		"with a sub that is odd": {map[string]any{"sub": []string{"alice"}}, ours, ErrAnswer},
	} {
		info := map[string]any{"sub": "alice", "email": "signed@example.com"}
		for name, v := range c.info {
			info[name] = v
		}
		payload, err := json.Marshal(info)
		if err != nil {
			t.Fatal(err)
		}
		infoIs(w, http.StatusOK, "application/jwt; charset=utf-8", signed(jose.ES256, c.key, payload))
		if err := endOf(w); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
}

func TestUserinfoThatMakesNoSenseSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	for what, c := range map[string]struct {
		status     int
		kind, text string
		want       error // besides ErrProvider
	}{
		"two emails":       {200, "application/json", `{"sub":"alice","email":"a@example.com","email":"b@example.com"}`, ErrAnswer},
		"HTML":             {200, "text/html", "<html>", ErrAnswer},
		"a list":           {200, "application/json", "[]", ErrAnswer},
		"no signature":     {200, "application/jwt", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", ErrAnswer},
		"an encrypted one": {200, "application/jwt", "a.b.c.d.e", ErrAnswer},
		"nothing":          {200, "application/json", "", ErrAnswer},
		"who echoes":       {401, "application/json", `{"error":"Bearer access-alice"}`, ErrAnswer},
		"who is broken":    {503, "application/json", `{"error":"Bearer access-alice"}`, ErrProvider},
	} {
		infoIs(w, c.status, c.kind, c.text)
		err := endOf(w)
		if !errors.Is(err, ErrProvider) || !errors.Is(err, c.want) || errors.Is(err, ErrAnswer) != (c.want == ErrAnswer) {
			t.Errorf("%s: got %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), "access-alice") {
			t.Errorf("%s: the error holds a token: %v", what, err)
		}
	}
}

func TestAnAnswerThatIsHugeWhenUnpackedSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"sub":"alice","x":"`))
	for range 64 {
		_, _ = z.Write(bytes.Repeat([]byte("a"), answerLimit))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w.idp.set(func() {
		w.idp.infoAnswer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write(packed.Bytes())
		}
	})
	if err := endOf(w); !errors.Is(err, ErrProvider) || !strings.Contains(err.Error(), errTooLong.Error()) {
		t.Errorf("got %v", err)
	}
}

func TestAnAccessTokenThatIsNoBearerIsNotShown(t *testing.T) {
	w := newWorld(t)
	typed := func(kind any) {
		w.idp.set(func() { w.idp.answers = func(m map[string]any) { m["token_type"] = kind } })
	}
	for kind, want := range map[any]error{"bearer": nil, "": nil, "mac": ErrAnswer, "DPoP": ErrAnswer, "Bearer x": ErrAnswer} {
		typed(kind)
		if err := endOf(w); !errors.Is(err, want) {
			t.Errorf("%v: got %v, want %v", kind, err, want)
		}
	}
	typed("Bearer")
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	w.clock.pass(50 * time.Minute)
	typed("DPoP")
	if outcome, err := w.refreshOnce(w.ctx, sessionOf(t, w, b, wikiHost)); outcome != refreshUnclear || !errors.Is(err, ErrAnswer) {
		t.Errorf("at a refresh: got %s, %v", outcome, err)
	}
	b.is(wikiHost, Found)
}

// infoIs has the provider answer so at its userinfo endpoint.
func infoIs(w *world, status int, kind, text string) {
	w.idp.set(func() {
		w.idp.infoAnswer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(text))
		}
	})
}
