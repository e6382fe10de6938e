package document_test

import (
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/document"
	"strongroom/internal/guard/guardtest"
)

// hourly is how many records a person may reveal in an hour here.
const hourly = 12

// TestObligation_3_1_2_DocumentsAreDebited: who opens a document spends what a reveal of
// its record does, and with nothing left opens none; the link lasts.
func TestObligation_3_1_2_DocumentsAreDebited(t *testing.T) {
	h := open(t)
	id := h.keep()
	for range hourly {
		_, err := h.open(h.packer, h.link(id))
		h.must(err)
	}
	secret := h.link(id)
	for range 2 {
		body, err := h.open(h.packer, secret)
		guardtest.Want(t, "one more", err, strongroom.Exhausted, "budget")
		if len(body) > 0 {
			t.Error("it came with the refusal")
		}
	}
	l, err := h.Link(t.Context(), h.app, id, document.For{Person: h.another.ID, Purpose: strongroom.Fulfilment, Reference: "7001"})
	h.must(err)
	if _, err := h.open(h.another, l.Secret.Reveal()); err != nil {
		t.Errorf("another person's budget: %v", err)
	}
}

// What was allowed and did not open is an event of its own.
func TestWhatDoesNotOpenIsTold(t *testing.T) {
	h := open(t)
	id := h.keep()
	failures := func() (n int) {
		for _, e := range h.ground.Events(t, "document.open") {
			if e.Outcome == audit.Failure {
				n++
			}
		}
		return n
	}
	_, err := h.open(h.packer, h.link(id))
	h.must(err)
	if n := failures(); n != 0 {
		t.Errorf("%d failures before anything failed", n)
	}
	h.must(h.ground.DB.Update(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("update document_file set size = size + 1")
		return err
	}))
	_, err = h.open(h.packer, h.link(id))
	guardtest.Want(t, "changed", err, strongroom.Internal, "tampered")
	if n := failures(); n != 1 {
		t.Errorf("%d failures", n)
	}
}

// A file that does not begin as its type does is not kept.
func TestKeepLooksAtTheFile(t *testing.T) {
	h := open(t)
	for media, good := range map[string]string{
		"application/pdf": "%PDF-1.7 x", "image/png": "\x89PNG\r\n\x1a\nx", "application/zpl": "^XA^FDx^XZ", "text/plain": "Ana",
	} {
		for name, body := range map[string]string{"": good, "not": "\x00<html>"} {
			_, err := h.Keep(t.Context(), h.app, document.File{Store: h.store, Record: h.record, Route: h.route, Type: media, Body: []byte(body)})
			if name == "" {
				h.must(err)
				continue
			}
			guardtest.Want(t, media, err, strongroom.Invalid, "document-type")
		}
	}
}
