//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"picket/cmd/picket/dev"
)

// visitor is a person's browser without the rendering: cookies, redirects, and the form of the built-in provider.
type visitor struct {
	cluster *cluster
	jar     *cookiejar.Jar
	client  *http.Client
}

// answer is what a visitor was told in the end.
type answer struct {
	status int
	header http.Header
	body   string
	at     *url.URL // where it came from
	next   *url.URL // where a redirect that was not followed leads; nil: it is none
}

// visit is a visitor over the balancer.
func (c *cluster) visit(t *testing.T) *visitor { return c.visitVia(t, c.transport("")) }

// visitVia is a visitor over a transport of the test's choice.
func (c *cluster) visitVia(t *testing.T, transport http.RoundTripper) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{cluster: c, jar: jar}
	v.client = &http.Client{Transport: transport, Jar: jar, Timeout: 45 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return v
}

// over is the same person, with the same cookies, at one node.
func (v *visitor) over(n *node) *visitor {
	client := *v.client
	client.Transport = v.cluster.transport(n.listen)
	return &visitor{cluster: v.cluster, jar: v.jar, client: &client}
}

// send sends one request and follows nothing. A GET whose connection ends before there is an answer is sent once more
// (RFC 9110, section 9.2.2).
func (v *visitor) send(request *http.Request) (answer, error) {
	again := request.Clone(request.Context()) // the client adds its cookies to what it sends
	response, err := v.client.Do(request)
	if err != nil && request.Method == http.MethodGet {
		response, err = v.client.Do(again)
	}
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body), at: request.URL}
	if location := response.Header.Get("Location"); location != "" {
		if a.next, err = request.URL.Parse(location); err != nil {
			return answer{}, err
		}
	}
	return a, nil
}

// asPerson makes the request of a browser that goes to an address.
func asPerson(at string) *http.Request {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, at, nil)
	if err != nil {
		panic(err) // an address in a test that is none
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	return request
}

// asProgram makes the request of something that reads JSON.
func asProgram(at string) *http.Request {
	request := asPerson(at)
	request.Header.Set("Accept", "application/json")
	return request
}

// open goes to an address, and on as it is sent, to the end.
func (v *visitor) open(t *testing.T, at string) answer {
	t.Helper()
	return v.until(t, asPerson(at), func(*url.URL) bool { return false })
}

// until follows redirects from a request, up to and without the first address that stop names.
func (v *visitor) until(t *testing.T, request *http.Request, stop func(*url.URL) bool) answer {
	t.Helper()
	for range 20 {
		a, err := v.send(request)
		if err != nil {
			t.Fatalf("%s: %v", request.URL, err)
		}
		if a.next == nil || stop(a.next) {
			return a
		}
		request = asPerson(a.next.String())
	}
	t.Fatalf("redirected in a circle, last to %s", request.URL)
	return answer{}
}

// requestField is the hidden field of the built-in provider's page.
var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

// pick picks a person on the built-in provider's page and goes on as it is sent, up to and without what stop names.
func (v *visitor) pick(t *testing.T, page answer, person string, stop func(*url.URL) bool) answer {
	t.Helper()
	field := requestField.FindStringSubmatch(page.body)
	if field == nil {
		t.Fatalf("no page to pick somebody from, but %s: %s", page, page.words())
	}
	form := url.Values{"request": {field[1]}, "person": {person}}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, v.cluster.provider.issuer+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.until(t, request, stop)
}

func never(*url.URL) bool { return false }

// signIn opens a page and signs in on the way, unless the provider remembers who was picked before.
func (v *visitor) signIn(t *testing.T, person, at string) answer {
	t.Helper()
	page := v.open(t, at)
	if !v.cluster.provider.is(page.at) {
		return page
	}
	return v.pick(t, page, person, never)
}

// cookie is the session cookie that the visitor holds for a host; "" when there is none.
func (v *visitor) cookie(t *testing.T, host string) string {
	t.Helper()
	at, err := url.Parse(v.cluster.url(host))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range v.jar.Cookies(at) {
		if k.Name == v.cluster.cookieName() {
			return k.Value
		}
	}
	return ""
}

func (c *cluster) cookieName() string {
	if c.scheme == "https" {
		return "__Host-picket"
	}
	return "picket"
}

// String tells what an answer is, in a line.
func (a answer) String() string {
	if a.next != nil {
		return fmt.Sprintf("%d from %s, leading to %s", a.status, a.at, a.next)
	}
	return fmt.Sprintf("%d from %s", a.status, a.at)
}

// tags are the parts of a page that say nothing.
var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>|\n\s*`)

// words are the first of what a page says.
func (a answer) words() string {
	text := strings.Join(strings.Fields(tags.ReplaceAllString(a.body, " ")), " ")
	return text[:min(len(text), 600)]
}

// whoami asks the application who it takes the visitor for.
func (v *visitor) whoami() (dev.Whoami, error) {
	a, err := v.send(asPerson(v.cluster.url("app") + "/api/whoami"))
	if err != nil {
		return dev.Whoami{}, err
	}
	if a.status != http.StatusOK {
		return dev.Whoami{}, fmt.Errorf("%s: %s", a, a.words())
	}
	var who dev.Whoami
	if err := json.Unmarshal([]byte(a.body), &who); err != nil {
		return dev.Whoami{}, fmt.Errorf("not from the application: %w: %s", err, a.body)
	}
	if who.Email == "" || !who.Assertion.Verified {
		return who, fmt.Errorf("email %q, assertion %+v", who.Email, who.Assertion)
	}
	return who, nil
}

// isSignedInAs fails the test unless the application sees the person.
func (v *visitor) isSignedInAs(t *testing.T, person string) {
	t.Helper()
	who, err := v.whoami()
	if err != nil {
		t.Fatalf("%s is not let through: %v", person, err)
	}
	if want := person + "@example.com"; who.Email != want || who.Assertion.Claims["email"] != want {
		t.Errorf("the application sees %q with assertion %v, want %s", who.Email, who.Assertion.Claims, want)
	}
}

// isCallback names the address that a provider sends people back to.
func (c *cluster) isCallback(u *url.URL) bool {
	return u.Path == "/.picket/callback" && u.Query().Has("state")
}

// isHandOver names the address that the sign-in host sends people back to a route host with.
func (c *cluster) isHandOver(u *url.URL) bool {
	return u.Path == "/.picket/callback" && !u.Query().Has("state")
}

func mustParse(at string) *url.URL {
	u, err := url.Parse(at)
	if err != nil {
		panic(err) // an address in a test that is none
	}
	return u
}
