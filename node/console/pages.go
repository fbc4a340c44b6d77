package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed pages
var files embed.FS

// icon is the fence of the header as a data URL, the only image that the pages load.
const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'%3E" +
	"%3Cpath fill='%231f6b45' d='M0 26h64v7H0zM0 46h64v7H0zM4 60V18l8-12 8 12v42zM24 60V18l8-12 8 12v42zM44 60V18l8-12 8 12v42z'/%3E%3C/svg%3E"

// pageNames are the files below pages/, each of which fills the layout.
func pageNames() []string {
	return []string{"refusal", "user", "choose", "sign_out", "onward", "signed_out", "program"}
}

// pages writes HTML. It is made once and read only.
type pages struct {
	sets   map[string]*template.Template
	style  template.CSS
	policy string // Content-Security-Policy: this style sheet, this icon, forms to this host, nothing else
}

// view is what the layout needs; body is what the page within it needs.
type view struct {
	Style template.CSS
	Icon  template.URL
	Host  string
	Body  any
}

func newPages() (*pages, error) {
	style, err := files.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("reading the style sheet: %w", err)
	}
	p := &pages{sets: map[string]*template.Template{}, style: template.CSS(style), policy: contentPolicy(style)}
	for _, name := range pageNames() {
		set, err := template.ParseFS(files, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", name, err)
		}
		p.sets[name] = set
	}
	return p, nil
}

// contentPolicy admits the one inline style sheet by its hash (Content Security Policy Level 3, section 2.3.1).
func contentPolicy(style []byte) string {
	sum := sha256.Sum256(style)
	return strings.Join([]string{
		"default-src 'none'",
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		"img-src data:",
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// write answers with a page. Headers that the caller has set stay.
func (p *pages) write(w http.ResponseWriter, r *http.Request, status int, name string, body any) error {
	var b bytes.Buffer
	v := view{Style: p.style, Icon: icon, Host: r.Host, Body: body}
	if err := p.sets[name].ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return fmt.Errorf("filling page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}

// guard sets what every answer of ours carries. Addresses of ours hold codes and sealed requests: no page passes
// its own on as a referrer.
func guard(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// stamp is an instant as a page shows it.
type stamp struct {
	Machine string // RFC 3339
	Clock   string // "14 Sep 2026, 09:30 UTC"
	Near    string // "in 3 hours"
}

func newStamp(t, now time.Time) stamp {
	t = t.UTC()
	return stamp{Machine: t.Format(time.RFC3339), Clock: t.Format("2 Jan 2006, 15:04 MST"), Near: near(t.Sub(now))}
}

// near says how far away an instant is, in its largest unit.
func near(d time.Duration) string {
	form := "in %s"
	if d < 0 {
		d, form = -d, "%s ago"
	}
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf(form, count(int(d/time.Minute), "minute"))
	case d < 48*time.Hour:
		return fmt.Sprintf(form, count(int(d.Round(time.Hour)/time.Hour), "hour"))
	}
	return fmt.Sprintf(form, count(int(d/(24*time.Hour)), "day"))
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
