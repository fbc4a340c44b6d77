package authn

import (
	"context"
	"strings"
	"testing"
)

func FuzzBearer(f *testing.F) {
	f.Add("Bearer picket.1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("bearer  picket. ")
	f.Add("Basic picket.")
	f.Add("\tBearer\tpicket.")
	f.Fuzz(func(t *testing.T, line string) {
		token := Bearer(line)
		if token != "" && (!strings.HasPrefix(token, "picket.") || !strings.Contains(line, token)) {
			t.Errorf("%q has the token %q", line, token)
		}
		if got := SoleBearer([]string{line}); got != token {
			t.Errorf("alone, %q has the token %q, not %q", line, got, token)
		}
		if token != "" && SoleBearer([]string{line, line}) != "picket." {
			t.Errorf("%q twice is somebody's", line)
		}
	})
}

func TestABearerIsNoCookieAndOfOneHost(t *testing.T) {
	w := newWorld(t)
	alice := w.browser("alice")
	alice.visit(wikiHost, "wiki", "/")
	cookie := alice.session(wikiHost)
	id, ok := w.cookies.open(wikiHost, cookie)
	if !ok {
		t.Fatal("no session")
	}
	bearer := w.bearer(wikiHost, id)
	for name, c := range map[string]struct {
		identify func(context.Context) Answer
		want     Answer
	}{
		"its own host":       {func(ctx context.Context) Answer { _, a := w.IdentifyProgram(ctx, wikiHost, bearer, nil); return a }, Found},
		"another host":       {func(ctx context.Context) Answer { _, a := w.IdentifyProgram(ctx, gitHost, bearer, nil); return a }, Absent},
		"the sign-in host":   {func(ctx context.Context) Answer { _, a := w.IdentifyProgram(ctx, authHost, bearer, nil); return a }, Absent},
		"as a cookie":        {func(ctx context.Context) Answer { _, a := w.Identify(ctx, wikiHost, bearer, nil); return a }, Absent},
		"its rest, a cookie": {func(ctx context.Context) Answer { _, a := w.Identify(ctx, wikiHost, bearer[7:], nil); return a }, Absent},
		"a cookie":           {func(ctx context.Context) Answer { _, a := w.IdentifyProgram(ctx, wikiHost, cookie, nil); return a }, Absent},
		"a cookie, dressed": {func(ctx context.Context) Answer {
			_, a := w.IdentifyProgram(ctx, wikiHost, "picket."+cookie, nil)
			return a
		}, Absent},
		"nothing":   {func(ctx context.Context) Answer { _, a := w.RecheckProgram(ctx, wikiHost, "", nil); return a }, Absent},
		"under way": {func(ctx context.Context) Answer { _, a := w.RecheckProgram(ctx, wikiHost, bearer, nil); return a }, Found},
	} {
		if got := c.identify(w.ctx); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
