package dev

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// cluster stands for what is in front of the application: keys that sign, and the key set that shows them.
type cluster struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	keys *httptest.Server
	app  *httptest.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, key: key}
	c.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
		if err := json.NewEncoder(w).Encode(set); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(c.keys.Close)
	app, err := NewApp(AppOptions{Keys: c.keys.URL, Audiences: []string{"app.localhost"}, Tick: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	c.app = httptest.NewServer(app)
	t.Cleanup(c.app.Close)
	return c
}

func (c *cluster) assertion(key *ecdsa.PrivateKey, audience string, expires time.Time) string {
	c.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: "http://app.localhost:8000", Subject: "u1", Audience: jwt.Audience{audience},
		Expiry: jwt.NewNumericDate(expires)}).Claims(map[string]any{"email": "alice@example.com"}).Serialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

func (c *cluster) get(path string, header map[string]string) (*http.Response, string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.app.URL+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response, string(body)
}

func TestTheApplicationBelievesOnlyWhatIsSigned(t *testing.T) {
	c := newCluster(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Minute)
	for name, test := range map[string]struct {
		assertion string
		sent      bool
		verified  bool
	}{
		"none":               {"", false, false},
		"ours":               {c.assertion(c.key, "app.localhost", soon), true, true},
		"for somebody else":  {c.assertion(c.key, "other.localhost", soon), true, false},
		"expired":            {c.assertion(c.key, "app.localhost", time.Now().Add(-time.Hour)), true, false},
		"signed by another":  {c.assertion(stranger, "app.localhost", soon), true, false},
		"not even a token":   {"alice", true, false},
		"signed by nobody":   {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImF1ZCI6ImFwcC5sb2NhbGhvc3QifQ.", true, false},
		"altered on the way": {c.assertion(c.key, "app.localhost", soon)[1:], true, false},
	} {
		_, body := c.get("/api/whoami", map[string]string{assertionHeader: test.assertion})
		var got Whoami
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if a := got.Assertion; a.Sent != test.sent || a.Verified != test.verified || (a.Error == "") != (a.Verified || !a.Sent) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestThePageShowsWhoAskedAndWhichNodeCarriedIt(t *testing.T) {
	c := newCluster(t)
	response, body := c.get("/some/page?q=1", map[string]string{
		assertionHeader:      c.assertion(c.key, "app.localhost", time.Now().Add(time.Minute)),
		nodeHeader:           "n2",
		"X-Forwarded-Host":   "app.localhost:8000",
		"X-Forwarded-Email":  "alice@example.com",
		"X-Forwarded-User":   "Alice <b>Adams",
		"X-Forwarded-Groups": "admins,staff",
	})
	for _, want := range []string{"signature verified", `id="node">n2<`, "app.localhost:8000/some/page?q=1", "alice@example.com",
		"Alice &lt;b&gt;Adams", "admins,staff", "X-Forwarded-Groups"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	nonce, ok := strings.CutPrefix(response.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-")
	nonce, _, _ = strings.Cut(nonce, "'")
	if !ok || !strings.Contains(body, `<script nonce="`+nonce+`">`) {
		t.Errorf("the script may not run under %q", response.Header.Get("Content-Security-Policy"))
	}
	if strings.Contains(body, "src=") || strings.Contains(body, "url(") || strings.Contains(body, "<link") {
		t.Error("the page loads something")
	}
}

func TestThePageGreetsNobody(t *testing.T) {
	_, body := newCluster(t).get("/", nil)
	for _, want := range []string{"whoever you are", "none was sent", "an unnamed node"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

func TestTheWebSocketTicks(t *testing.T) {
	c := newCluster(t)
	conn, _, err := websocket.Dial(t.Context(), c.app.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{
		nodeHeader:         {"n3"},
		"Origin":           {"http://app.localhost:8000"},
		"X-Forwarded-Host": {"app.localhost:8000"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for n := 1; n <= 3; n++ {
		var got tick
		if err := wsjson.Read(t.Context(), conn, &got); err != nil || got.N != n || got.Node != "n3" {
			t.Fatalf("tick %d: %+v, %v", n, got, err)
		}
	}
}

func TestTheWebSocketIsNotForOtherSites(t *testing.T) {
	c := newCluster(t)
	for _, origin := range []string{"http://evil.example", "null"} {
		_, response, err := websocket.Dial(t.Context(), c.app.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if err == nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("origin %s was let in: %v", origin, err)
		}
	}
}

func TestTheStreamTicks(t *testing.T) {
	c := newCluster(t)
	response, err := http.Get(c.app.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewScanner(response.Body)
	for n := 1; n <= 3 && lines.Scan(); n++ {
		var got tick
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if err := json.Unmarshal([]byte(data), &got); !ok || err != nil || got.N != n {
			t.Errorf("event %d: %q, %v", n, lines.Text(), err)
		}
		lines.Scan() // the empty line that ends an event
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}
