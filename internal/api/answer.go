package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"strongroom/internal/jwe"
)

// once serves a call that named itself: the second time from its receipt.
func (a *API) once(c *call) error {
	request := bytes.Join([][]byte{[]byte(c.r.Method), []byte(c.r.URL.Path), []byte(c.r.URL.RawQuery), c.body}, []byte{0})
	claim, receipt, found, err := a.o.Identity.Claim(c.ctx, c.who, c.r.Header.Get(headerIdemKey), request)
	if err != nil {
		return err
	}
	if found {
		c.w.Header().Set(headerReplay, "true")
		return c.write(receipt.Status, replayed{ID: receipt.Resource, Replayed: true})
	}
	keep := &receipts{ResponseWriter: c.w}
	c.w = keep
	if err := c.route.serve(a, c); err != nil {
		return errors.Join(err, claim.Drop(context.WithoutCancel(c.ctx)))
	}
	if err := claim.Done(context.WithoutCancel(c.ctx), statusOf(c.route, nil), keep.id); err != nil {
		a.note(c, err, http.StatusInternalServerError) // it was done and answered all the same
	}
	return nil
}

// replayed is the answer to a repeated call.
type replayed struct {
	ID       string `json:"id,omitempty"`
	Replayed bool   `json:"replayed"`
}

// receipts carries the id of an answer from the row to its receipt.
type receipts struct {
	http.ResponseWriter
	id string
}

func (k *receipts) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// answer renders what a row returned.
func (c *call) answer(out any) error {
	if _, nothing := out.(none); nothing {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if r, ok := out.(identified); ok {
		if k, ok := c.w.(*receipts); ok {
			k.id = r.resource()
		}
	}
	return c.write(statusOf(c.route, nil), out)
}

// write renders out as JSON with the given status. Whether the caller took it is
// not known and not our concern.
func (c *call) write(status int, out any) error {
	var text []byte
	if ap, ok := out.(appender); ok {
		text = ap.appendJSON(make([]byte, 0, 2048))
	} else {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // the text of a record stays what it was
		if err := e.Encode(out); err != nil {
			return err
		}
		text = b.Bytes()
	}
	return c.send(status, "application/json", text)
}

// send answers with text.
func (c *call) send(status int, contentType string, text []byte) error {
	if !c.seal.IsZero() {
		sealed, err := c.seal.Seal(text, contentType, "", time.Time{})
		if err != nil {
			return err
		}
		text, contentType = []byte(sealed), jwe.Type
	}
	c.w.Header()["Content-Type"] = []string{contentType}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text) // the caller may have gone
	return nil
}
