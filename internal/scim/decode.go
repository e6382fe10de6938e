package scim

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"strongroom"
)

// Bounds of a body.
const (
	maxBody  = 4 << 20
	maxDepth = 8
	maxNames = 200 // in one object
)

// object is a JSON object. The names of attributes know no case (RFC 7643, 2.1); here
// they are in lower case.
type object map[string]any

func badSyntax(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "invalidSyntax", "%s", what)
}

// decode reads one JSON object.
func decode(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, badSyntax("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badSyntax("the body holds more than one JSON value")
	}
	o, ok := v.(object)
	if !ok {
		return nil, badSyntax("the body is not a JSON object")
	}
	return o, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, badSyntax("the body is not JSON")
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, strongroom.Faultf(strongroom.TooLarge, "depth", "the body nests deeper than %d levels", maxDepth)
	}
	if open == '{' {
		return decodeObject(d, depth)
	}
	list := []any{}
	for d.More() {
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, end(d)
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	o := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, badSyntax("the body is not JSON")
		}
		name := strings.ToLower(t.(string)) // the decoder takes nothing else for a name
		if _, twice := o[name]; twice {
			return nil, badSyntax("the body has an attribute twice")
		}
		if len(o) == maxNames {
			return nil, strongroom.Faultf(strongroom.TooLarge, "names", "an object of the body has more than %d attributes", maxNames)
		}
		if o[name], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	return o, end(d)
}

func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return badSyntax("the body is not JSON")
	}
	return nil
}
