package proxy

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"picket/broker"
)

func TestARotationOfTheKeysEndsNothingAndTheNextAssertionHasTheNewOne(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(fieldsSeen), carrying(t, echoes))
	conn, from := w.tunnel()
	bearer := w.program("alice", origin("wiki.test"), "wiki")
	before := w.keyID(bearer)
	keys, err := broker.OpenBucket[map[string]any](w.ctx, w.broker, broker.Spec{Name: "keys", Sealed: true})
	w.must(err)
	e, err := keys.Get(w.ctx, "assertion")
	w.must(err)
	e.Value["previous"], e.Value["current"], e.Value["next"] = e.Value["current"], e.Value["next"], e.Value["current"]
	w.must(second(keys.Update(w.ctx, "assertion", e.Value, e.Revision, 0))) // as another node would
	w.until("this node signs with the next key", func() bool { return w.keyID(bearer) != before })
	if !strings.Contains(string(w.authn.JWKS()), before) {
		t.Error("what the key before signed can no longer be verified")
	}
	w.says(conn, from, "still here")
	w.must(conn.CloseWrite())
	if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// keyID is the id of the key of the assertion that the application is sent.
func (w *world) keyID(bearer string) string {
	w.t.Helper()
	res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nAuthorization: Bearer " + bearer + "\n\n")
	seen := http.Header{}
	if err := json.NewDecoder(res.Body).Decode(&seen); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %v", res.Status, err)
	}
	head, _, _ := strings.Cut(seen.Get("X-Picket-Jwt-Assertion"), ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	w.must(err)
	var header struct {
		KeyID string `json:"kid"`
	}
	w.must(json.Unmarshal(text, &header))
	if header.KeyID == "" {
		w.t.Fatalf("no assertion in %v", seen)
	}
	return header.KeyID
}
