//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// sendRaw writes a request as it is given, over the balancer, and reads one answer. Lines end in CRLF; the Host and the
// empty line are added.
func (c *cluster) sendRaw(t *testing.T, host, requestLine string, fields ...string) answer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", c.front, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	lines := append([]string{requestLine + " HTTP/1.1", "Host: " + host}, fields...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s at %s: %v", requestLine, host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body), at: &url.URL{Scheme: "http", Host: host, Path: "/"}}
	if location := response.Header.Get("Location"); location != "" {
		if a.next, err = a.at.Parse(location); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// withCookie is the field that carries a session cookie.
func (c *cluster) withCookie(value string) string {
	return fmt.Sprintf("Cookie: theme=dark; %s=%s", c.cookieName(), value)
}
