package authn

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"picket/node/config"
	"picket/policy"
)

// A program on a person's computer gets a session of its own by way of the browser (RFC 8252). The person is asked on the
// authenticate host, where no application has pages that could answer in their stead, and signs in; a code goes to where
// the program listens on the same computer, and is good for nothing without what the program kept to itself (RFC 7636).

// program is what a sealed request knows of the program that a session is for.
type program struct {
	Return    string `json:"u"` // where it listens
	Challenge string `json:"c"`
	State     string `json:"s"`
}

// ProgramRequest is what a program asks for.
type ProgramRequest struct {
	Origin    config.Origin // of the route host that it wants to go to
	Route     string        // name
	Return    string        // http://127.0.0.1:PORT/ or http://[::1]:PORT/, where it waits for the code
	Challenge string        // PKCE, S256
	State     string        // comes back with the code

	Need *policy.Requirement // what the session has to show; nil: nothing
}

// BeginProgram sends the browser that a program opened to the page that asks the person. ErrMalformed.
func (a *Authn) BeginProgram(r ProgramRequest) (Step, error) {
	p := &program{Return: r.Return, Challenge: r.Challenge, State: r.State}
	if !a.known(r.Origin) || !p.sound() {
		return Step{}, fmt.Errorf("a program's request at %s: %w", r.Origin, ErrMalformed)
	}
	sealed, err := seal(a.seals.program, errand{
		ID: newID(), Issued: a.now().Unix(), Origin: r.Origin.String(), Route: r.Route, ReturnTo: "/.picket/",
		Need: r.Need, Program: p,
	})
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: a.page("program", "request", sealed)}, nil
}

// loopback is an address of this computer, with a port and without a path (RFC 8252, section 7.3). A name, even localhost,
// may be another computer's.
var loopback = regexp.MustCompile(`^http://(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})/$`)

// stateForm bounds what comes back as it stands.
var stateForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

// sound tells whether a program said all that it has to, and nothing else.
func (p *program) sound() bool {
	at := loopback.FindStringSubmatch(p.Return)
	if at == nil || !stateForm.MatchString(p.State) {
		return false
	}
	_, err := strconv.ParseUint(at[1], 10, 16)
	var sum [32]byte
	return err == nil && decodes(p.Challenge, sum[:])
}

// lead is where the program listens, with what it is told.
func (p *program) lead(name, value string) string {
	return p.Return + "?" + url.Values{name: {value}, "state": {p.State}}.Encode()
}

// Question is what a person is asked about a program.
type Question struct {
	Origin     string   // that the program wants to go to as the person
	Program    string   // where it listens
	Identities []string // names: who may vouch for the person
	No         string   // where the browser goes when the answer is no
}

// AskProgram opens a request that BeginProgram made. ErrMalformed, ErrExpired.
func (a *Authn) AskProgram(sealed string) (Question, error) {
	e, route, err := a.programErrand(sealed)
	if err != nil {
		return Question{}, err
	}
	u, err := url.Parse(e.Program.Return)
	if err != nil {
		return Question{}, fmt.Errorf("where the program listens: %w", ErrMalformed)
	}
	return Question{
		Origin: e.Origin, Program: u.Host, Identities: a.identities(route), No: e.Program.lead("error", "access_denied"),
	}, nil
}

func (a *Authn) programErrand(sealed string) (errand, *config.Route, error) {
	e, err := unseal[errand](a.seals.program, sealed)
	if err != nil {
		return e, nil, fmt.Errorf("reading a program's request: %w", err)
	}
	route, err := a.destination(e)
	switch {
	case err != nil:
		return e, nil, err
	case e.Program == nil || !e.Program.sound():
		return e, nil, fmt.Errorf("a program's request: %w", ErrMalformed)
	case e.expired(a.now(), signInLife):
		return e, nil, fmt.Errorf("a program's request: %w", ErrExpired)
	}
	return e, route, nil
}

// AllowProgramRequest is a person who lets a program act for them. The caller has seen to it that no other site says so.
type AllowProgramRequest struct {
	Sealed   string // that BeginProgram made
	Identity string // name of who is to vouch
	Binding  string // the binding cookie of the authenticate host; "": none
}

// AllowProgram sends the browser to the identity provider: the program's session is of a sign-in of its own, and lives by
// tokens of its own. ErrMalformed, ErrExpired, ErrLocked, ErrProvider.
func (a *Authn) AllowProgram(ctx context.Context, r AllowProgramRequest) (Step, error) {
	e, route, err := a.programErrand(r.Sealed)
	if err != nil {
		return Step{}, err
	}
	if !slices.Contains(a.identities(route), r.Identity) {
		return Step{}, e.fail(fmt.Errorf("identity %.64q: %w", r.Identity, ErrMalformed))
	}
	return a.toProvider(ctx, e, r.Identity, r.Binding, false)
}
