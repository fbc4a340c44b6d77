package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
)

// loginTime is how long a person may take to sign in.
const loginTime = 15 * time.Minute

func (t terminal) loginCommand() *cobra.Command {
	var noBrowser bool
	c := &cobra.Command{
		Use:   "login URL [--no-browser]",
		Short: "Sign in at a host, for programs",
		Long: `Opens a browser in which you sign in, and keeps a token for the host of the URL, in a
file of yours. 'picket token' prints it, 'picket connect' shows it. It is a session of
its own: it ends when an operator revokes it, or when its time is up.

The browser has to be on this computer: it brings the answer to an address of this
computer alone.`,
		Example: `  picket login https://app.example.com
  picket login --no-browser https://bastion.example.com`,
		Args:              args("URL"),
		ValidArgsFunction: offers(keptOrigins),
		RunE: func(c *cobra.Command, args []string) error {
			door, u, err := parseDoorway(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), loginTime)
			defer cancel()
			k, err := t.login(ctx, door, u.Query(), !noBrowser)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return printJSON(t.out, map[string]any{"origin": k.Origin, "session": k.Session, "expires": k.Expires})
			}
			fmt.Fprintf(t.out, "Signed in at %s until %s.\n", k.Origin, clock(k.Expires))
			return nil
		},
	}
	c.Flags().BoolVar(&noBrowser, "no-browser", false, "print the address to open, and open nothing")
	return c
}

// login sends a person through the browser and keeps what comes of it. needs may say what the sign-in has to show, as the
// address does that a door names when a sign-in is not enough.
func (t terminal) login(ctx context.Context, door doorway, needs url.Values, browse bool) (kept, error) {
	if err := door.ping(ctx); err != nil {
		return kept{}, err
	}
	waiting, err := newLoopback()
	if err != nil {
		return kept{}, err
	}
	defer waiting.close()
	verifier := oauth2.GenerateVerifier()
	q := url.Values{"return": {waiting.address}, "state": {waiting.state}, "challenge": {oauth2.S256ChallengeFromVerifier(verifier)}}
	for _, name := range []string{"max_age", "acr_values", "amr"} {
		if needs.Has(name) {
			q.Set(name, needs.Get(name))
		}
	}
	address := door.String() + "/.picket/program?" + q.Encode()
	fmt.Fprintf(t.err, "To sign in, open in a browser on this computer:\n\n  %s\n\n", address)
	if browse {
		openBrowser(t.env, address)
	}
	code, err := waiting.code(ctx)
	if err != nil {
		return kept{}, err
	}
	k, err := door.redeem(ctx, code, verifier)
	if err != nil {
		return kept{}, err
	}
	return k, keep(door.host, k)
}

// ping sees that a picket answers for the host.
func (d doorway) ping(ctx context.Context) error {
	var pong struct{ Pong bool }
	err := d.ask(ctx, http.MethodGet, "/.picket/ping", nil, &pong)
	if err == nil && !pong.Pong {
		err = fmt.Errorf("what answers at %s is no picket", d)
	}
	return err
}

// redeem turns a code into what is kept.
func (d doorway) redeem(ctx context.Context, code, verifier string) (kept, error) {
	k := kept{Origin: d.String()}
	err := d.ask(ctx, http.MethodPost, "/.picket/program/token", url.Values{"code": {code}, "verifier": {verifier}}, &k)
	if err == nil && !strings.HasPrefix(k.Token, "picket.") {
		err = fmt.Errorf("what answers at %s gave no token", d)
	}
	return k, err
}

// ask sends a form, or nothing, and reads JSON.
func (d doorway) ask(ctx context.Context, method, path string, form url.Values, v any) error {
	request, err := http.NewRequestWithContext(ctx, method, d.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("asking %s: %w", d, err)
	}
	request.Header.Set("Accept", "application/json")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := d.client().Do(request)
	if err != nil {
		return d.unreachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", d, err)
	}
	if response.StatusCode != http.StatusOK {
		return d.refused(response.StatusCode, text)
	}
	if json.Unmarshal(text, v) != nil {
		return fmt.Errorf("what answers at %s is no picket", d)
	}
	return nil
}

// openBrowser opens an address where there is a screen, and does not wait: what opens it may be the browser itself, and live as
// long. When that fails, the person has the address.
func openBrowser(env func(string) string, address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	default:
		if env("DISPLAY") == "" && env("WAYLAND_DISPLAY") == "" {
			return
		}
	}
	_ = exec.Command(name, args...).Start()
}

// newLoopback listens on an address that only this computer has.
func newLoopback() (*loopback, error) {
	var err error
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			return serveLoopback(listener), nil
		}
	}
	return nil, fmt.Errorf("listening for the browser's answer: %w", err)
}
