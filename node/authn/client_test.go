package authn

import (
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAClientReadsUpToTheLimitAndFailsBeyond(t *testing.T) {
	for size, want := range map[int]error{answerLimit: nil, answerLimit + 1: errTooLong} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("a", size))
		}))
		resp, err := newClient(nil, time.Minute).http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", size, err, want)
		}
		_ = resp.Body.Close()
		server.Close()
	}
}

func TestAClientGivesUp(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	if _, err := newClient(nil, 20*time.Millisecond).http.Get(server.URL); err == nil {
		t.Error("waited for a slow provider")
	}
}

func TestAClientIsNotLedToAnotherHost(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("led elsewhere") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer server.Close()
	c := newClient(nil, time.Minute)
	for path, want := range map[string]bool{"/away": false, "/moved": true, "/round": false, "/here": true} {
		if _, err := c.http.Get(server.URL + path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	resp, err := c.http.Post(server.URL+"/away", "text/plain", strings.NewReader("a secret"))
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("a redirect of what was posted: %v, %v", resp, err)
	}
}

func TestAClientTrustsTheProvidersOwnCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	roots, err := certificates(ca)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newClient(roots, time.Minute).http.Get(server.URL); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	if _, err := newClient(nil, time.Minute).http.Get(server.URL); err == nil {
		t.Error("trusted a stranger")
	}
	if _, err := certificates([]byte("noise")); err == nil {
		t.Error("took noise for a certificate")
	}
}
