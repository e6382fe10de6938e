package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/intake"
	"strongroom/internal/vault"
	"strongroom/internal/web"
)

// How long a caller may take to read a part of an answer.
const readTime = 60 * time.Second

// headerWithheld counts what of an answer without records did not pass.
const headerWithheld = "Strongroom-Withheld"

// answer gives the caller what of the platform's answer may leave.
func (c *call) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, a *answer) error {
	passHeaders(w.Header(), a.header)
	switch {
	case a.status >= 200 && a.status < 300:
	case a.status >= 300 && a.status < 400:
		return c.failed(ctx, strongroom.Faultf(strongroom.Unavailable, codeRedirect, "the platform redirects, which is not followed").
			Advise("set the store's base address to where it answers"))
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		c.lost(ctx, a.status)
		return c.failed(ctx, strongroom.Faultf(strongroom.Unavailable, codeToken, "the platform refuses the store's credential (%d)", a.status).
			Advise("connect the store again"))
	case a.status == http.StatusGatewayTimeout || a.status == http.StatusRequestTimeout:
		return gatewayTime()
	case a.status >= 500:
		return badGateway("the platform fails")
	default:
		return c.answerRefusal(w, a)
	}
	if c.method == http.MethodHead || a.status == http.StatusNoContent {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		return nil
	}
	if a.kind != "application/json" && !strings.HasSuffix(a.kind, "+json") {
		return c.failed(ctx, strongroom.Faultf(strongroom.Denied, codeType, "the platform's answer is no JSON, and nothing else passes").
			Advise("a person may allow more with: strongroom mirror propose"))
	}
	return c.stream(ctx, w, r, a)
}

// lost tells that the platform refuses the store's credential.
func (c *call) lost(ctx context.Context, status int) {
	if c.g.o.Lost == nil {
		return
	}
	cause := intake.LostUnauthorized
	if status == http.StatusForbidden {
		cause = intake.LostForbidden
	}
	c.g.o.Lost(context.WithoutCancel(ctx), c.store, cause)
}

// stream treats the answer chunk by chunk: what is in one leaves after the commit
// that keeps it. Once something has left, a failure cuts the connection.
func (c *call) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, a *answer) error {
	l := &links{call: c}
	s := newSplitter(a.body, c.row.List, l.place)
	for {
		part, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var m *made
		withheld := 0
		if err == nil {
			m, withheld, err = c.make(ctx, part)
		}
		if err != nil && part.first || err != nil && !s.begun {
			return c.failed(ctx, err)
		}
		if err != nil {
			_ = c.failed(ctx, err) // nobody can be told any more; the cut says it
			panic(http.ErrAbortHandler)
		}
		text := m.text
		if len(l.made) > 0 {
			m = &made{text: l.fill(text)}
			text = m.text
		}
		web.Prolong(w, readTime)
		if part.first {
			h := w.Header()
			h.Set("Content-Type", "application/json; charset=utf-8")
			if withheld > 0 {
				h.Set(headerWithheld, strconv.Itoa(withheld))
			}
			if part.last {
				writeWhole(w, r, a.status, m)
				return nil
			}
			w.WriteHeader(a.status)
		} else {
			text = append([]byte{','}, text...)
		}
		if _, err := w.Write(text); err != nil {
			return nil // the caller has gone; what was stored stays
		}
	}
}

// make returns a chunk as it may leave, without what is no answer's. A whole page that
// is the same as a moment ago was made before.
func (c *call) make(ctx context.Context, part chunk) (m *made, withheld int, err error) {
	whole := part.first && part.last && c.row.Answer != "" && c.method == http.MethodGet
	var p page
	if whole {
		p = page{sha256.Sum256(part.body), c.store, c.g.o.Vault.Turn(c.store), c.row, c.target.version + "/" + c.row.named(c.target.segments)}
		if m := c.g.known.find(p, c.g.o.Now()); m != nil {
			return m, 0, nil
		}
	}
	text, withheld, err := c.treat(ctx, part)
	if err == nil && len(text) < part.head+part.tail {
		err = badAnswer(nil)
	}
	if err != nil {
		return nil, withheld, err
	}
	m = &made{text: text[part.head : len(text)-part.tail]}
	if whole {
		m.tag = tagOf(m.text)
		c.g.known.keep(p, m, c.g.o.Now())
	}
	return m, withheld, nil
}

// treat returns a chunk as it may leave.
func (c *call) treat(ctx context.Context, part chunk) (text []byte, withheld int, err error) {
	if c.row.Answer == "" {
		text, withheld, err = c.row.Shape.Filter(nil, part.body)
		if err != nil {
			err = badAnswer(err)
		}
		return text, withheld, err
	}
	in := vault.In{
		Store: c.store, Resource: c.row.Answer, Version: c.target.version, How: "proxy",
		Endpoint: "/api/" + c.target.version + strings.NewReplacer("{", ":", "}", "").Replace(c.row.Path), Body: part.body,
	}
	if c.row.Order && c.row.Answer == "fulfillments" {
		in.Order = c.row.named(c.target.segments)
	}
	if in.Platform, err = c.g.o.Vault.PlatformOf(ctx, c.store); err != nil {
		return nil, 0, err
	}
	out, err := c.g.o.Vault.IngestMany(ctx, c.who, []vault.In{in})
	if err == nil {
		err = out[0].Err
	}
	switch {
	case err == nil:
		return out[0].Body, 0, nil
	case part.first && part.last && c.action().Name == ActionWrite.Name && holdsNone(err):
		if text, withheld, err = c.g.done.Filter(nil, part.body); err != nil {
			err = badAnswer(err)
		}
		return text, withheld, err
	case strongroom.IsKind(err, strongroom.Invalid), strongroom.IsKind(err, strongroom.TooLarge):
		return nil, 0, badAnswer(err)
	}
	return nil, 0, err
}

// holdsNone reports whether a body was refused because it shows no record: a
// write may answer so.
func holdsNone(err error) bool {
	f, ok := errors.AsType[*strongroom.Fault](err)
	return ok && f.Kind == strongroom.Invalid && (f.Code == "envelope" || f.Code == "no-id")
}

// badAnswer says that the platform's answer is none that can be treated.
func badAnswer(err error) error {
	return strongroom.Faultf(strongroom.Unavailable, codeAnswer, "the platform's answer is not one that can be passed on").
		Advise("the request's id is the reference").Because(err)
}

// tagOf returns the entity tag of a body.
func tagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// writeWhole answers with a body that is there as a whole, or says that the caller
// has it already.
func writeWhole(w http.ResponseWriter, r *http.Request, status int, m *made) {
	h := w.Header()
	if status == http.StatusOK && r.Method == http.MethodGet {
		if m.tag == "" {
			m.tag = tagOf(m.text)
		}
		h.Set("ETag", m.tag)
		if matches(r.Header.Values("If-None-Match"), m.tag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(m.text)))
	w.WriteHeader(status)
	_, _ = w.Write(m.text) // the caller may have gone
}

// matches reports whether one of the tags that a caller has is tag.
func matches(values []string, tag string) bool {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// passHeaders copies what of the platform's headers helps a caller: how often it
// may call and when to come again.
func passHeaders(to, from http.Header) {
	for k, values := range from {
		if !isLimit(k) || len(values) != 1 || len(values[0]) > 128 || !only(values[0], "._:/+-,;=", " ") || hasToken(values[0]) {
			continue
		}
		to[k] = []string{values[0]}
	}
}

func isLimit(k string) bool {
	return k == "Retry-After" || strings.HasPrefix(k, "Ratelimit") || strings.HasPrefix(k, "X-Ratelimit-") || strings.HasPrefix(k, "X-Rate-Limit-") ||
		k == "X-Shopify-Shop-Api-Call-Limit"
}
