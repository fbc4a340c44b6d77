//go:build bench

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// cookieName is that of the session.
func (c *cluster) cookieName() string {
	if c.TLS != nil {
		return "__Host-picket"
	}
	return "picket"
}

// signIn is a person with a fresh browser who opens a protected page: to the authenticate host, to the provider, picked
// there, back by way of the authenticate host, and to the page. It gives the session's cookie on the page's host.
func (c *cluster) signIn(ctx context.Context, person string) (cookie string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Transport: c.transport, Jar: jar, Timeout: 30 * time.Second, CheckRedirect: c.followToPick}
	page := c.URL("app") + "/page?of=" + person
	asked, err := visit(ctx, browser, http.MethodGet, page, nil)
	if err != nil {
		return "", fmt.Errorf("opening the page: %w", err)
	}
	pick, err := asked.Location()
	if err != nil || pick.Query().Get("request") == "" {
		return "", fmt.Errorf("opening the page led to %s with %s, and not to the provider", asked.Request.URL, asked.Status)
	}
	came, err := visit(ctx, browser, http.MethodPost, c.Issuer()+"/login", url.Values{"request": pick.Query()["request"], "person": {person}})
	if err != nil {
		return "", fmt.Errorf("coming back: %w", err)
	}
	if came.StatusCode != http.StatusOK || came.Request.URL.String() != page {
		return "", fmt.Errorf("came back to %s with %s", came.Request.URL, came.Status)
	}
	for _, k := range jar.Cookies(came.Request.URL) {
		if k.Name == c.cookieName() {
			return k.Value, nil
		}
	}
	return "", errors.New("signed in without a cookie")
}

// followToPick stops where the provider would show its page of people.
func (c *cluster) followToPick(next *http.Request, before []*http.Request) error {
	if len(before) > 10 {
		return errors.New("too many redirects")
	}
	if strings.HasPrefix(next.URL.String(), c.Issuer()+"/login?") {
		return http.ErrUseLastResponse
	}
	return nil
}

// visit does what a browser does when an address is opened, or a form is sent. The answer's body has been read.
func visit(ctx context.Context, browser *http.Client, method, address string, form url.Values) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := browser.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

// sessionOf is the session's id in its cookie, VERSION.SESSION.TAG.
func sessionOf(cookie string) string {
	_, rest, _ := strings.Cut(cookie, ".")
	session, _, _ := strings.Cut(rest, ".")
	return session
}

// get asks one node for a path of the application's host, as a program with a cookie, and gives the status.
func (c *cluster) get(ctx context.Context, client *http.Client, n *node, path, cookie string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.TLS.scheme()+"://"+n.http+path, nil)
	if err != nil {
		return 0, err
	}
	request.Host = c.authority("app")
	request.Header.Set("Cookie", c.cookieName()+"="+cookie)
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}
