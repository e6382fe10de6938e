package console_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	inputTag = regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	idOf     = regexp.MustCompile(` id="([^"]+)"`)
	pointsTo = regexp.MustCompile(` (?:for|aria-labelledby|aria-describedby)="([^"]+)"`)
	button   = regexp.MustCompile(`(?s)<button[^>]*>(.*?)</button>`)
)

// pageFaults says what keeps a person with a screen reader or a keyboard from using a
// page.
func pageFaults(page string) (faults []string) {
	add := func(bad bool, why string) {
		if bad {
			faults = append(faults, why)
		}
	}
	ids := map[string]int{}
	for _, m := range idOf.FindAllStringSubmatch(page, -1) {
		ids[m[1]]++
	}
	for id, n := range ids {
		add(n > 1, "the id "+id+" is there twice")
	}
	for _, m := range pointsTo.FindAllStringSubmatch(page, -1) {
		add(ids[m[1]] == 0, "nothing is "+m[1])
	}
	for _, tag := range inputTag.FindAllString(page, -1) {
		id := idOf.FindStringSubmatch(tag)
		hidden := strings.Contains(tag, `type="hidden"`)
		add(!hidden && (id == nil || !strings.Contains(page, `<label for="`+id[1]+`"`)), "a field has no label: "+tag)
		add(!hidden && !strings.Contains(tag, "autocomplete="), "a field does not say what it wants: "+tag)
	}
	for _, m := range button.FindAllStringSubmatch(page, -1) {
		add(strings.TrimSpace(m[1]) == "", "a button has no words")
	}
	for _, want := range []string{`<html lang="en">`, `<main id="main"`, `class="skip" href="#main"`, `role="alert"`, "<title>", `name="viewport"`} {
		add(!strings.Contains(page, want), "there is no "+want)
	}
	add(strings.Count(page, "<h1>") != 1, "there is not one heading")
	add(strings.Contains(page, "tabindex=\"1"), "the order of the keyboard is changed")
	return faults
}

// Every page can be used by keyboard and screen reader: fields have labels, ids are
// one, errors are announced.
func TestPagesAreLabelled(t *testing.T) {
	f := serve(t, nil)
	_, link := f.owner()
	e := f.browser()
	pages := map[string]string{"/enrol": e.get("/enrol").text}
	pages["/enrol/steps"] = e.post("/enrol", "link", link).text
	pages["a refused password"] = e.post("/enrol/password", "password", "x", "again", "x").text
	e.post("/enrol/password", "password", goodWords, "again", goodWords)
	a := e.post("/enrol/totp")
	pages["the app"] = a.text
	e.secret = secretOf(t, a)
	e.post("/enrol/totp/confirm", "code", e.code())
	pages["the codes"] = e.post("/enrol/complete").text
	pages["/signin"] = e.get("/signin").text
	pages["the second factor"] = e.post("/signin", "email", ownerEmail, "password", goodWords).text
	e.post("/signin/factor", "kind", "totp", "code", e.code()).want(t, http.StatusOK, "/account")
	for _, path := range []string{"/account", "/account/factors", "/account/password", "/account/sessions", "/account/verify", "/account/nowhere"} {
		pages[path] = e.get(path).text
	}
	for name, text := range pages {
		for _, fault := range pageFaults(text) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	// Planted: pages that lack something.
	for why, change := range map[string][2]string{
		"has no label": {`<label for="email"`, `<span`}, "is there twice": {`id="password"`, `id="email"`}, "no words": {">Continue<", "><"},
		"not one heading": {"<h1>", "<h2>"}, "nothing is": {`id="by-passkey"`, ""}, "what it wants": {`autocomplete="username"`, ""},
	} {
		text := strings.Replace(pages["/signin"], change[0], change[1], 1)
		if !strings.Contains(strings.Join(pageFaults(text), "\n"), why) {
			t.Errorf("planted: a page that %q is not noticed", why)
		}
	}
}

var module = regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`)

// The picture of a secret is a QR code: the three marks stand in their corners, and
// there is nothing in the quiet zone. Another secret is another picture.
func TestPicture(t *testing.T) {
	f := serve(t, nil)
	b, _ := f.enrolled()
	dark := func() (map[[2]int]bool, int) {
		text := b.post("/account/totp").text
		size, err := strconv.Atoi(regexp.MustCompile(`viewBox="0 0 (\d+)`).FindStringSubmatch(text)[1])
		f.must(err)
		on := map[[2]int]bool{}
		for _, m := range module.FindAllStringSubmatch(text, -1) {
			x, _ := strconv.Atoi(m[1])
			y, _ := strconv.Atoi(m[2])
			on[[2]int{x, y}] = true
			if x < 4 || y < 4 || x >= size-4 || y >= size-4 {
				t.Errorf("%d,%d of %d is in the quiet zone", x, y, size)
			}
		}
		return on, size
	}
	on, size := dark()
	mark := func(left, top int) bool {
		for y := range 7 {
			for x := range 7 {
				ring := min(x, y, 6-x, 6-y)
				if on[[2]int{left + x, top + y}] != (ring != 1) {
					return false
				}
			}
		}
		return true
	}
	if !mark(4, 4) || !mark(size-11, 4) || !mark(4, size-11) {
		t.Error("a mark is missing")
	}
	if mark(size-11, size-11) { // planted
		t.Error("there is a mark where none belongs")
	}
	next, _ := dark()
	same := 0
	for at := range on {
		if next[at] {
			same++
		}
	}
	if same == len(on) {
		t.Error("two secrets have one picture")
	}
}
