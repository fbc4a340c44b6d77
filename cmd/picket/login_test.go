package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSigningInDoesNotWaitForTheBrowserToEnd is a desktop where the program that opens addresses becomes the browser.
func TestSigningInDoesNotWaitForTheBrowserToEnd(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.picket/ping" {
			_, _ = fmt.Fprint(w, `{"pong": true}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"token": "picket.1.x", "session": "s", "expires": "2999-01-01T00:00:00Z"}`)
	}))
	defer door.Close()
	folder := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", folder)
	t.Setenv("HOME", folder)
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	browser := "#!/bin/sh\necho \"$$ $1\" >\"" + folder + "/began\"\nmv \"" + folder + "/began\" \"" + folder + "/opened\"\nexec sleep 300\n"
	for _, name := range []string{"xdg-open", "open"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(browser), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var told bytes.Buffer
	ended := make(chan int, 1)
	run := terminal{in: strings.NewReader(""), out: &told, err: new(bytes.Buffer), env: func(name string) string {
		return map[string]string{"DISPLAY": ":0"}[name]
	}}
	go func() { ended <- run.main(t.Context(), []string{"login", door.URL}) }()

	pid, address := opened(t, filepath.Join(folder, "opened"))
	defer func() {
		if browser, err := os.FindProcess(pid); err == nil {
			_ = browser.Kill()
		}
	}()
	back := address.Query().Get("return") + "?" + url.Values{"state": {address.Query().Get("state")}, "code": {"c"}}.Encode()
	answer, err := http.Get(back)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	select {
	case code := <-ended:
		if code != exitDone || !strings.HasPrefix(told.String(), "Signed in at "+door.URL) {
			t.Errorf("ended with %d: %s", code, &told)
		}
	case <-time.After(time.Minute):
		t.Error("nobody is signed in as long as the browser is open")
	}
}

// opened waits for the browser, and gives its process and what it was told to open.
func opened(t *testing.T, file string) (pid int, address *url.URL) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		if text, err := os.ReadFile(file); err == nil {
			number, rest, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
			if pid, err = strconv.Atoi(number); err == nil {
				address, err = url.Parse(rest)
			}
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return pid, address
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no browser was opened")
		}
	}
}

// TestADoorThatIsNotTrustedIsCalledThat is a certificate of an authority that this computer does not know: the address is right.
func TestADoorThatIsNotTrustedIsCalledThat(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	door, _, err := parseDoorway(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, tunnel := far{name: "db.example.com:5432", host: door.host, door: door}.open(t.Context())
	for what, err := range map[string]error{"signing in": door.ping(t.Context()), "connecting": tunnel} {
		if err == nil || !strings.Contains(err.Error(), "not one that this computer trusts") {
			t.Errorf("%s says: %v", what, err)
		}
	}
}
