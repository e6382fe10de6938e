package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/document"
)

// Documents are files that came back about shoppers. Open decides and records for itself,
// also what it refuses. Safe for concurrent use.
type Documents interface {
	Open(ctx context.Context, who strongroom.Actor, code string) (document.Document, []byte, error)
}

func documentRoutes() []Route {
	const page = "/documents"
	return []Route{
		own(page, "document.open", documentPage),
		change(page, "document.open", page, openDocument, documentPage),
	}
}

// documentPage takes a code: the script finds it in the address, behind the #, which no
// browser sends; without one it is pasted.
func documentPage(v *visit) error { return v.show("document", "Open a document", nil) }

// openDocument opens a document, once, as a file to save: nothing of it runs or is shown
// at this address.
func openDocument(v *visit) error {
	if v.c.o.Documents == nil {
		return noPage()
	}
	if err := v.readForm(); err != nil {
		return err
	}
	code := strings.TrimSpace(v.field("code"))
	if _, rest, ok := strings.Cut(code, "#"); ok {
		code = rest
	}
	d, body, err := v.c.o.Documents.Open(v.ctx, v.who, code)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", d.Type)
	h.Set("Content-Disposition", `attachment; filename="`+d.ID+endingOf(d.Type)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(body) // the caller may have gone
	return nil
}

// endingOf is how the name of a file of a media type ends.
func endingOf(media string) string {
	switch media {
	case "application/pdf":
		return ".pdf"
	case "image/png":
		return ".png"
	case "application/zpl":
		return ".zpl"
	}
	return ".txt"
}
