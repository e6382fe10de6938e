package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"strongroom"
)

// maxDepth is how deep a control body may nest. Records have their own limit.
const maxDepth = 16

// DecodeJSON reads one JSON value from body into v: valid UTF-8, no unknown
// field, no field twice, no second value, at most 16 levels deep. Faults are
// Invalid or TooLarge and never repeat a byte of the body.
func DecodeJSON(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "body", "the body is empty").Advise("send one JSON object")
	}
	if !utf8.Valid(body) {
		return strongroom.Faultf(strongroom.Invalid, "body", "the body is not valid UTF-8")
	}
	if err := checkDepth(body, maxDepth); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return jsonFault(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return strongroom.Faultf(strongroom.Invalid, "body", "the body holds more than one JSON value")
	}
	if hasTwin(body) {
		return strongroom.Faultf(strongroom.Invalid, "field", "the body has a field twice").
			Advise("two readers could understand it in two ways; send each field once")
	}
	return nil
}

// jsonFault turns the decoder's error, whose text quotes the input, into ours.
func jsonFault(err error) error {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		return strongroom.Faultf(strongroom.Invalid, "body", "the field %s has the wrong type", t.Field)
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return strongroom.Faultf(strongroom.Invalid, "body", "the body is not JSON (at byte %d)", s.Offset)
	}
	if strings.HasPrefix(err.Error(), "json: unknown field") { // encoding/json has no type for it
		return strongroom.Faultf(strongroom.Invalid, "field", "the body has a field this call does not know").
			Advise("see /openapi.json")
	}
	return strongroom.Faultf(strongroom.Invalid, "body", "the body is not the JSON this call takes")
}

// checkDepth counts brackets outside strings; whether they match is the
// decoder's business.
func checkDepth(body []byte, limit int) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return strongroom.Faultf(strongroom.TooLarge, "depth", "the body nests deeper than %d levels", limit)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// ReadBody reads the whole body of r, at most limit bytes. A declared length
// above the limit is refused before a byte is read.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, TooLarge()
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	src := http.MaxBytesReader(w, r.Body, limit)
	if n := r.ContentLength; n >= 0 {
		buf := make([]byte, n)
		if _, err := io.ReadFull(src, buf); err != nil {
			return nil, readFault(err)
		}
		return buf, nil
	}
	b, err := io.ReadAll(src)
	if err != nil {
		return nil, readFault(err)
	}
	return b, nil
}

// readFault names what broke while a body was read.
func readFault(err error) error {
	if f := faultOf(err); f.Kind != strongroom.Internal {
		return f
	}
	return strongroom.Faultf(strongroom.Invalid, "body", "the body ended early").Because(err)
}

// MediaType returns r's media type in lower case without parameters, "" if none
// was sent or it cannot be read. A character set other than UTF-8 is a fault.
func MediaType(r *http.Request) (string, error) {
	h := r.Header.Get("Content-Type")
	if h == "" || h == "application/json" {
		return h, nil
	}
	t, params, err := mime.ParseMediaType(h)
	if err != nil {
		return "", strongroom.Faultf(strongroom.Invalid, CodeMediaType, "the content type cannot be read")
	}
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
		return "", strongroom.Faultf(strongroom.Invalid, CodeMediaType, "the character set must be utf-8")
	}
	return t, nil
}
