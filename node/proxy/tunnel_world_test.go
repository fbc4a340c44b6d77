package proxy

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"picket/node/authn"
	"picket/node/config"
)

// bastion is where TCP is carried in the tests: for staff, to whatever serve does with its connections.
const bastion = "bastion.test:22"

// carrying adds the route of the bastion.
func carrying(t *testing.T, serve func(*net.TCPConn)) func(*config.Config) {
	t.Helper()
	address := listening(t, serve)
	return func(c *config.Config) {
		c.Routes = append(c.Routes, config.Route{
			Name: "bastion", From: origin("bastion.test"), Prefix: "/", Connect: bastion, To: []string{"tcp://" + address}, Policies: []string{"staff"},
		})
	}
}

// listening gives each connection to serve, until the test ends.
func listening(t *testing.T, serve func(*net.TCPConn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// echoes gives back what comes, and ends when the other side has.
func echoes(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) }

// verifier is what the program of the tests keeps to itself.
const verifier = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

// program signs a person in for a program, and gives its bearer for a host.
func (w *world) program(person string, o config.Origin, route string) string {
	w.t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	step, err := w.authn.BeginProgram(authn.ProgramRequest{
		Origin: o, Route: route, Return: "http://127.0.0.1:4000/", State: "a-state-of-its-own",
		Challenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	w.must(err)
	step, err = w.authn.AllowProgram(w.ctx, authn.AllowProgramRequest{Sealed: w.query(step.Redirect).Get("request"), Identity: "corp"})
	w.must(err)
	binding := w.cookie(step, authn.BindingName(w.config.Authenticate.URL))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(step.Redirect + "&person=" + url.QueryEscape(person))
	w.must(err)
	_ = res.Body.Close()
	step, err = w.authn.Callback(w.ctx, authn.CallbackRequest{Query: w.query(res.Header.Get("Location")), Binding: binding})
	w.must(err)
	made, err := w.authn.RedeemProgram(w.ctx, authn.RedeemProgramRequest{Origin: o, Code: w.query(step.Redirect).Get("code"), Verifier: verifier})
	w.must(err)
	return made.Token
}

// alicesBearer is good for the bastion.
func (w *world) alicesBearer() string { return w.program("alice", origin("bastion.test"), "bastion") }

// connect asks for a tunnel over a connection of its own. lines are added to the request.
func (w *world) connect(to string, lines ...string) (net.Conn, *bufio.Reader, *http.Response) {
	w.t.Helper()
	conn := w.dial()
	_, err := io.WriteString(conn, "CONNECT "+to+" HTTP/1.1\r\nHost: "+to+"\r\n"+strings.Join(append(lines, "", ""), "\r\n"))
	w.must(err)
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, &http.Request{Method: http.MethodConnect})
	w.must(err)
	return conn, from, res
}

// tunnel is connect for alice, who is let through.
func (w *world) tunnel() (*net.TCPConn, *bufio.Reader) {
	w.t.Helper()
	conn, from, res := w.connect(bastion, "Proxy-Authorization: Bearer "+w.alicesBearer())
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("CONNECT is answered with %s", res.Status)
	}
	return conn.(*net.TCPConn), from
}

// says writes, and wants the same back.
func (w *world) says(to io.Writer, from io.Reader, text string) {
	w.t.Helper()
	_, err := io.WriteString(to, text)
	w.must(err)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != text {
		w.t.Fatalf("said %q, heard %q: %v", text, got, err)
	}
}
