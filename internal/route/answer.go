package route

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/web"
)

// headerWithheld counts what of an answer did not pass.
const headerWithheld = "Strongroom-Withheld"

// upstream says in the words of a door what went wrong on the way out.
func upstream(err error) error {
	f, ok := errors.AsType[*strongroom.Fault](err)
	if !ok {
		return strongroom.Faultf(strongroom.Unavailable, web.CodeBadGateway, "the upstream cannot be reached").Advise("the request's id is the reference")
	}
	if f.Code == "egress-time" {
		return strongroom.Faultf(strongroom.Unavailable, web.CodeGatewayTime, "the upstream did not answer in time").Advise("try again; the request's id is the reference")
	}
	code := "upstream-" + strings.TrimPrefix(f.Code, "egress-")
	return strongroom.Faultf(strongroom.Unavailable, code, "the upstream cannot be used: %s", f.What).Advise("the request's id is the reference")
}

func badAnswer(code, what string) error {
	return strongroom.Faultf(strongroom.Unavailable, "upstream-"+code, "%s", what).Advise("the request's id is the reference")
}

// answer gives the caller what of the upstream's answer may leave.
func (s *sending) answer(ctx context.Context, w http.ResponseWriter, res *http.Response) error {
	if e := res.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return s.failed(ctx, badAnswer("packed", "the upstream's answer is packed, which was not asked for"))
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return s.failed(ctx, upstream(err))
	}
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return s.failed(ctx, badAnswer("credential", "the upstream refuses the route's credential ("+strconv.Itoa(code)+")"))
	case code >= 500 || code < 200 || code >= 300 && code < 400:
		return s.failed(ctx, badAnswer("failed", "the upstream fails ("+strconv.Itoa(code)+")"))
	case code >= 400:
		return s.refusal(w, res.StatusCode, body)
	}
	switch s.call.Answer.As {
	case "shape":
		text, withheld, err := s.cut(s.call.shape, body)
		if err != nil {
			return s.failed(ctx, err)
		}
		return s.write(w, res.StatusCode, text, withheld)
	case "document":
		return s.document(ctx, w, res.StatusCode, kind, body)
	}
	return s.write(w, res.StatusCode, []byte(`{}`), 0)
}

func (s *sending) write(w http.ResponseWriter, status int, text []byte, withheld int) error {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if withheld > 0 {
		h.Set(headerWithheld, strconv.Itoa(withheld))
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may have gone
	return nil
}

// refusal passes on that the upstream refuses the call: its status, and what the route
// names of its words.
func (s *sending) refusal(w http.ResponseWriter, status int, body []byte) error {
	out := struct {
		Message string          `json:"message"`
		Request string          `json:"request,omitempty"`
		Errors  json.RawMessage `json:"upstream,omitempty"`
	}{Message: "the upstream answers " + strconv.Itoa(status), Request: web.RequestID(w)}
	withheld := 0
	if s.call.errors != nil {
		if text, n, err := s.cut(s.call.errors, body); err == nil {
			out.Errors, withheld = text, n
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return s.write(w, status, text, withheld)
}

// document keeps the file that came back and says how it is called.
func (s *sending) document(ctx context.Context, w http.ResponseWriter, status int, kind string, body []byte) error {
	file, around, withheld := body, []byte(nil), 0
	if at := s.call.Answer.At; at != "" {
		var err error
		if file, err = pick(body, at); err != nil {
			return s.failed(ctx, err)
		}
		kind = typeOf(file)
		if s.call.shape != nil {
			if around, withheld, err = s.cut(s.call.shape, body); err != nil {
				return s.failed(ctx, err)
			}
		}
	}
	if !slices.Contains(s.call.Answer.Types, kind) || kind != typeOf(file) && kind != "text/plain" {
		return s.failed(ctx, badAnswer("type", "the upstream's answer is no file of a type that the route takes"))
	}
	id, err := s.b.o.Keep(ctx, s.who, File{Store: s.store, Record: s.record, Route: s.way.id, Type: kind, Body: file})
	if err != nil {
		return s.failed(ctx, err)
	}
	text, err := json.Marshal(struct {
		Document string          `json:"document"`
		Record   string          `json:"record"`
		Type     string          `json:"type"`
		Bytes    int             `json:"bytes"`
		Answer   json.RawMessage `json:"answer,omitempty"`
	}{id, s.record, kind, len(file), around})
	if err != nil {
		return err
	}
	return s.write(w, status, text, withheld)
}

// typeOf tells a file's type by how it begins.
func typeOf(b []byte) string {
	head := bytes.TrimLeft(b[:min(len(b), 64)], " \r\n\t\ufeff")
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return "application/pdf"
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(head, []byte("^XA")), bytes.HasPrefix(head, []byte("~")), bytes.HasPrefix(head, []byte("CT~~CD,~CC^~CT~")):
		return "application/zpl"
	}
	return "application/octet-stream"
}

// pick returns the file in Base64 that stands at a pointer in JSON.
func pick(body []byte, at string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, badAnswer("answer", "the upstream's answer is no JSON")
	}
	for step := range strings.SplitSeq(at[1:], "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil, badAnswer("answer", "the upstream's answer holds no file where the route says")
			}
			v = x[i]
		default:
			v = nil
		}
	}
	s, _ := v.(string)
	file, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(file) == 0 {
		return nil, badAnswer("answer", "the upstream's answer holds no file where the route says")
	}
	return file, nil
}
