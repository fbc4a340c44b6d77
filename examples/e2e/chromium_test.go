//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserTime is what everything that one test does in its browser may take.
const browserTime = 5 * time.Minute

// browser is headless Chromium with a profile of its own. It finds names below localhost by itself.
type browser struct{ ctx context.Context }

// startBrowser runs until the end of the test. It speaks what TCP carries.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	return startBrowserWith(t, chromedp.Flag("disable-quic", true))
}

// startBrowserWith is the same with flags of the test's choice. Where the profile is kept is left to chromedp, which removes
// it when the last of Chromium's processes is gone: they outlive the first, and write on.
func startBrowserWith(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no chromium here: has ./install been run? %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
	)
	options = append(options, flags...)
	limited, cancel := context.WithTimeout(context.Background(), browserTime)
	t.Cleanup(cancel)
	allocated, stop := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	b := &browser{ctx: ctx}
	b.do(t) // starts it
	return b
}

// tab is another tab of the same browser.
func (b *browser) tab(t *testing.T) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	return &browser{ctx: ctx}
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatalf("in the browser, at %s: %v", b.address(), err)
	}
}

func (b *browser) address() string {
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return "no page"
	}
	return at
}

// open goes to an address and waits for the page that comes of it.
func (b *browser) open(t *testing.T, at string) {
	t.Helper()
	b.do(t, chromedp.Navigate(at))
}

// pick presses the button of a person on the provider's page.
func (b *browser) pick(t *testing.T, person string) {
	t.Helper()
	b.press(t, "button#"+person)
}

// arrivesAt waits until the browser shows an address, and the page says something.
func (b *browser) arrivesAt(t *testing.T, at, says string) {
	t.Helper()
	b.shows(t, says, func(now string) bool { return now == at })
}

// shows waits for a page at an address that is right, with certain words, and gives all its words.
func (b *browser) shows(t *testing.T, says string, right func(at string) bool) string {
	t.Helper()
	var words string
	eventually(t, patience, func() string {
		page, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText : "")`))
		if err != nil {
			return err.Error() // a page that is just being left
		}
		at, text, _ := strings.Cut(page, "\n")
		if !right(at) || !strings.Contains(text, says) {
			return "the browser shows " + at + ":\n" + text
		}
		words = text
		return ""
	})
	return words
}

// press presses a button.
func (b *browser) press(t *testing.T, button string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(button), chromedp.NodeVisible))
}

// offers waits until a button can be pressed.
func (b *browser) offers(t *testing.T, button string) {
	t.Helper()
	b.do(t, chromedp.WaitVisible(chromedp.CSS(button)))
}
