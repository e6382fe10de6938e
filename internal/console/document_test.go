package console_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"strongroom"
	"strongroom/internal/console"
	"strongroom/internal/document"
)

// papers has one document, which opens once by one code.
type papers struct {
	mu   sync.Mutex
	used bool
	who  []string
}

func (p *papers) Open(_ context.Context, who strongroom.Actor, code string) (document.Document, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if code != "srdcode" || p.used {
		return document.Document{}, nil, strongroom.Faultf(strongroom.NotFound, "document-link", "the link opens nothing")
	}
	p.used, p.who = true, append(p.who, who.ID)
	return document.Document{ID: "doc_1", Type: "application/pdf"}, []byte("%PDF-1.7 <script>"), nil
}

// TestObligation_3_1_5_ADocumentIsSavedOnce: who is signed in opens a document by a form,
// once; it comes as a file that nothing runs, and its code is never in an address.
func TestObligation_3_1_5_ADocumentIsSavedOnce(t *testing.T) {
	p := new(papers)
	f := serve(t, func(o *console.Options) { o.Documents = p })
	b, _ := f.enrolled()
	page := b.get("/documents")
	page.want(t, http.StatusOK, "/documents")
	if !strings.Contains(page.text, `action="/documents" data-link`) {
		t.Error("the script finds no form")
	}
	if faults := pageFaults(page.text); len(faults) > 0 {
		t.Error(faults)
	}
	if a := b.post("/documents", "code", "srdother"); a.status < http.StatusBadRequest || strings.Contains(a.text, "srdother") {
		t.Errorf("another code: %d", a.status)
	}
	stranger := f.browser()
	if a := stranger.post("/documents", "code", "srdcode"); strings.Contains(a.text, "PDF-1.7") {
		t.Error("somebody who is not signed in has it")
	}
	a := b.post("/documents", "code", f.base+"/documents#srdcode")
	if a.status != http.StatusOK || a.text != "%PDF-1.7 <script>" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Disposition": `attachment; filename="doc_1.pdf"`, "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
		t.Error("it may run")
	}
	if a := b.post("/documents", "code", "srdcode"); a.status < http.StatusBadRequest || strings.Contains(a.text, "PDF-1.7") {
		t.Errorf("a second time: %d", a.status)
	}
	if len(p.who) != 1 || !strings.HasPrefix(p.who[0], "usr_") {
		t.Errorf("opened by %v", p.who)
	}
	if strings.Contains(f.words.String(), "srdcode") {
		t.Error("the code is in the operational log")
	}
}
