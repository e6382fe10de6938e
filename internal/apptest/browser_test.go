package apptest_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"strongroom/internal/app"
	"strongroom/internal/apptest"
)

// browsers are where a Chromium is looked for.
var browsers = []string{
	"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
	"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
}

// chromium returns the browser of this machine. Without one the test is skipped, and
// fails where STRONGROOM_BROWSER is required, as in make test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("STRONGROOM_BROWSER") == "required" {
		t.Fatal("there is no Chromium on this machine: run make need")
	}
	t.Skip("there is no Chromium on this machine; make test asks for one")
	return ""
}

// served is an instance with its first owner, served over TLS as a browser reaches it.
type served struct {
	*apptest.Instance
	base string
	pin  string // of the certificate's key
}

func serveTLS(t *testing.T, change ...func(*app.Config)) served {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil { // the address stands in the configuration, and passkeys are bound to it
		t.Fatal(err)
	}
	i := apptest.Start(t, apptest.Options{
		Config: func(c *app.Config) {
			c.Listen, c.TLS = address, "auto"
			for _, fn := range change {
				fn(c)
			}
		},
		Owner: app.FirstOwner{Name: apptest.OwnerName, Email: apptest.OwnerEmail},
	})
	_, port, _ := net.SplitHostPort(address)
	text, err := os.ReadFile(filepath.Join(i.Dir, "tls", "tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return served{i, "https://localhost:" + port, base64.StdEncoding.EncodeToString(sum[:])}
}

// patience is how long a page may take; a machine that runs all tests is slow.
const patience = 30 * time.Second

// tab is a page in a browser, with what it complained of.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu    sync.Mutex
	wrong []string
}

// open starts a browser that trusts the instance's certificate and no other.
func open(t *testing.T, s served) *tab {
	t.Helper()
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("ignore-certificate-errors-spki-list", s.pin))
	if os.Getuid() == 0 {
		o = append(o, chromedp.NoSandbox) // Chromium refuses to be root with one
	}
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), o...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, base: s.base}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// hear keeps what a page complains of: errors of scripts, and what its policy
// forbade. That an answer was a refusal is no complaint.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			b.wrong = append(b.wrong, "console: "+string(e.Type))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" && e.Entry.Source != "network" {
			b.wrong = append(b.wrong, e.Entry.Text)
		}
	}
}

func (b *tab) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.wrong, "\n")
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\nthe page: %s", err, b.text())
	}
}

// visit opens a page by its address.
func (b *tab) visit(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }

// at waits until the page at a path, with its query, is shown whole.
func (b *tab) at(path string) {
	b.t.Helper()
	var where string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		where, _ = chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.readyState + ' ' + location.href"))
		if where == "complete "+b.base+path {
			return
		}
	}
	b.t.Fatalf("%s, and not %s: %s", where, path, b.text())
}

// shows waits until the page shows words.
func (b *tab) shows(words string) string {
	b.t.Helper()
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text = b.text(); strings.Contains(text, words) {
			return text
		}
	}
	b.t.Fatalf("the page does not show %q: %s", words, text)
	return ""
}

func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		return err.Error()
	}
	return text
}

func (b *tab) click(css string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

func (b *tab) fill(css, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(css), text, chromedp.NodeVisible))
}

// authenticator puts a virtual authenticator with user verification into the tab.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	a, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return a.AuthenticatorID
}

// unverified has the authenticator leave the user-verification flag away.
func (b *tab) unverified(id webauthn.AuthenticatorID, so bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: id, IsBadUV: &so}); err != nil {
		b.t.Fatal(err)
	}
}

const ownWords = "Grau-7-Nebel-Ufer!"

// TestBrowserPasskey leads a person from the printed link to a session and a step-up
// by a passkey, in Chromium. An assertion that does not verify the person is one
// factor and opens nothing.
func TestBrowserPasskey(t *testing.T) {
	chromium(t)
	s := serveTLS(t)
	b := open(t, s)
	id := b.authenticator()
	if !strings.HasPrefix(s.Made.Link, s.base+"/enrol#") {
		t.Fatal("the printed link leads elsewhere")
	}
	b.do(chromedp.Navigate(s.Made.Link))
	b.at("/enrol") // the token is out of the address
	b.click("form[data-link] button")
	b.at("/enrol/steps")
	b.shows(apptest.OwnerName)
	b.unverified(id, true) // planted: one that does not verify its holder is not taken
	b.click("form[data-passkey] button")
	b.shows("did not verify who holds it")
	b.unverified(id, false)
	b.click("form[data-passkey] button")
	b.shows("1 made.")
	b.click("form[action='/enrol/complete'] button")
	b.shows("Everything is ready.")
	b.click("a.button")
	b.at("/signin")
	const signin = "form[data-passkey] button"

	// Planted: without the flag the same passkey is refused, on a page that says why.
	b.unverified(id, true)
	b.click(signin)
	b.shows("The passkey did not verify who holds it")
	b.visit("/account")
	b.at("/signin")
	b.unverified(id, false)

	b.click(signin)
	b.at("/account")
	b.shows("you reach this account and nothing else")
	b.visit("/account/verify?for=sessions")
	b.click(signin)
	b.at("/account/sessions?done=verified")
	b.shows("This one.")

	// After a password, presence is enough: the two together are two factors.
	b.visit("/account/password")
	b.fill("#password", ownWords)
	b.fill("#again", ownWords)
	b.click("form[action='/account/password'] button")
	b.at("/account/factors?done=password")
	b.click("form[action='/account/signout'] button")
	b.at("/signin?done=out")
	b.fill("#email", apptest.OwnerEmail)
	b.fill("#password", ownWords)
	b.click("form[action='/signin'] button")
	b.at("/signin/factor")
	b.unverified(id, true)
	b.click(signin)
	b.at("/account")
	b.visit("/account/factors")
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.click("form[data-passkey] button") // the session is gone meanwhile
	b.at("/signin?over")
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains: %s", said)
	}
	b.forbids()
}

// TestBrowserWithoutScript leads a person from the pasted link to a session and a
// step-up by forms alone: scripts are switched off.
func TestBrowserWithoutScript(t *testing.T) {
	chromium(t)
	s := serveTLS(t)
	b := open(t, s)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.visit("/enrol")
	b.fill("#link", s.Made.Link)
	b.click("form[data-link] button")
	b.at("/enrol/steps")
	b.shows("Passkeys need JavaScript")
	b.fill("#password", "Ottilie-7-Nebel!")
	b.fill("#again", "Ottilie-7-Nebel!")
	b.click("form[action='/enrol/password'] button")
	b.shows("contains a part of the person's name") // planted: a weak one is refused, with its reason
	b.fill("#password", ownWords)
	b.fill("#again", ownWords)
	b.click("form[action='/enrol/password'] button")
	b.at("/enrol/steps")
	b.click("form[action='/enrol/totp'] button")
	b.at("/enrol/totp")
	secret, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("#secret")))
	if err != nil {
		t.Fatal(err)
	}
	// One step of drift is taken on either side, so three codes are good in turn.
	code := func(drift time.Duration) string {
		text, err := totp.GenerateCodeCustom(strings.ReplaceAll(secret, " ", ""), time.Now().Add(drift),
			totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if left := 30 - time.Now().Unix()%30; left <= 2 {
		time.Sleep(time.Duration(left) * time.Second) // the code of the step before must not become that of two before
	}
	b.fill("#code", code(-30*time.Second))
	b.click("form[action='/enrol/totp/confirm'] button")
	b.at("/enrol/steps")
	b.click("form[action='/enrol/complete'] button")
	b.shows("They are shown this once")
	b.click("a.button")
	b.at("/signin")
	b.fill("#email", apptest.OwnerEmail)
	b.fill("#password", ownWords)
	b.click("form[action='/signin'] button")
	b.at("/signin/factor")
	b.fill("#code", code(0))
	b.click("form[action='/signin/factor'] button")
	b.at("/account")
	b.visit("/account/verify?for=factors")
	b.fill("#code", code(30*time.Second))
	b.click("form[action='/account/verify'] button")
	b.at("/account/factors?done=verified")
	b.shows("10 left.")
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains: %s", said)
	}
}

// forbids plants a script and a style in a page and looks whether its policy stops
// them, and whether the test hears of it.
func (b *tab) forbids() {
	b.t.Helper()
	const plant = `(() => { const s = document.createElement("script"); s.textContent = "window.planted = true"; document.body.append(s);
		const i = new Image(); i.src = "https://elsewhere.invalid/x.png"; document.body.append(i); return window.planted === true })()`
	ran, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](plant))
	if err != nil || ran {
		b.t.Errorf("planted: a script in the page runs: %t, %v", ran, err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(b.complaints(), "Content Security Policy") {
			return
		}
	}
	b.t.Errorf("planted: nobody hears what the policy forbids: %s", b.complaints())
}
