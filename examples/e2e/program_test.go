//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// programs is one person's computer, as far as picket's own commands go: where they keep things.
type programs struct {
	cluster *cluster
	home    string
}

func (c *cluster) programs(t *testing.T) programs { return programs{c, t.TempDir()} }

// command is the binary with arguments, at home.
func (p programs) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, picket(t), args...)
	cmd.Env = p.environment()
	return cmd
}

func (p programs) environment() []string {
	all := []string{"HOME=" + p.home, "XDG_CONFIG_HOME=" + p.home, "PATH=/usr/bin:/bin"}
	if p.cluster.ca != "" {
		all = append(all, "SSL_CERT_FILE="+p.cluster.ca)
	}
	return all
}

// addressShown is what `picket login` asks to open, once it has written all of it.
var addressShown = regexp.MustCompile(`(https?://\S+/\.picket/program\?\S+)\s`)

// login signs a person in at a host, in the browser that they have.
func (p programs) login(t *testing.T, v *visitor, person, host string) {
	t.Helper()
	cmd := p.command(t, "login", "--no-browser", p.cluster.url(host))
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := ""
	eventually(t, patience, func() string {
		shown := addressShown.FindStringSubmatch(said.String())
		if shown == nil {
			return "picket login says " + said.String()
		}
		address = shown[1]
		return ""
	})
	question := v.open(t, address)
	page := v.open(t, v.allow(t, question))
	if p.cluster.provider.is(page.at) {
		page = v.pick(t, page, person, never)
	}
	if !strings.Contains(page.body, "You are signed in") {
		t.Fatalf("the browser ends at %s: %s", page, page.words())
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "Signed in at "+p.cluster.url(host)) {
		t.Fatalf("picket login: %v\n%s", err, said.String())
	}
}

// token is what `picket token` prints for a host.
func (p programs) token(t *testing.T, host string) string {
	t.Helper()
	out, err := p.command(t, "token", p.cluster.url(host)).Output()
	if err != nil {
		t.Fatalf("picket token: %v", err)
	}
	return string(bytes.TrimSpace(out))
}

// allow says yes to a program, and gives where that leads.
func (v *visitor) allow(t *testing.T, question answer) string {
	t.Helper()
	request := requestField.FindStringSubmatch(question.body)
	if request == nil || !strings.Contains(question.body, "Let a program act as you?") {
		t.Fatalf("the person is not asked, but %s: %s", question, question.words())
	}
	yes := posting(v.cluster.url("auth")+"/.picket/program", url.Values{"request": {request[1]}, "identity": {"corp"}})
	yes.Header.Set("Accept", "text/html")
	allowed, err := v.send(yes)
	if err != nil {
		t.Fatal(err)
	}
	_, to, ok := strings.Cut(allowed.header.Get("Refresh"), "url=")
	if !ok {
		t.Fatalf("allowing leads nowhere: %s: %s", allowed, allowed.words())
	}
	return to
}

// posting makes the request of a form.
func posting(at string, form url.Values) *http.Request {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // an address in a test that is none
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}
