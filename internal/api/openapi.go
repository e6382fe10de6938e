package api

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Document returns the OpenAPI 3.1 document of the table for a version of the
// product.
func Document(version string) []byte {
	if version == "" {
		version = "0"
	}
	paths := map[string]map[string]any{}
	for _, rt := range Routes() {
		path := strings.ReplaceAll(rt.Path, "...}", "}")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(rt.Method)] = operation(rt)
	}
	doc := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Strongroom", "version": version,
			"description": "Keeps personal data sealed, opens it for a purpose, and records both.",
			"license":     map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"security": []any{map[string]any{"key": []string{}}},
		"paths":    paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{"key": map[string]any{
				"type": "http", "scheme": "bearer", "bearerFormat": "sr_live_… or sr_test_…",
			}},
			"schemas":   map[string]any{"Problem": problemSchema()},
			"responses": map[string]any{"Problem": problemResponse()},
		},
	}
	text, err := json.MarshalIndent(doc, "", "  ") // keys come out sorted, so the text is stable
	if err != nil {
		panic("api: " + err.Error()) // a constant of the program
	}
	return append(text, '\n')
}

func operation(rt Route) map[string]any {
	op := map[string]any{
		"summary": rt.Summary, "operationId": operationID(rt),
		"responses": map[string]any{
			strconv.Itoa(statusOf(&rt, nil)): answerOf(rt),
			"default":                        map[string]any{"$ref": "#/components/responses/Problem"},
		},
	}
	if rt.Action != "" {
		op["x-permission"] = rt.Action
	}
	if rt.Public {
		op["security"] = []any{}
	}
	if ps := parameters(rt); len(ps) > 0 {
		op["parameters"] = ps
	}
	switch {
	case rt.body:
		op["requestBody"] = map[string]any{"required": !rt.BodyOptional, "content": content("application/json", schemaOf(rt.in))}
	case rt.takes != nil:
		types := map[string]any{}
		for _, t := range rt.takes {
			types[t] = map[string]any{}
		}
		op["requestBody"] = map[string]any{"required": true, "content": types}
	case rt.raw != "" && rt.Method == "POST":
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{
			"application/json": map[string]any{"schema": map[string]any{"type": "object"}}, ndjson: map[string]any{},
		}}
	}
	if rt.Only != "" {
		op["description"] = "In a " + string(rt.Only) + " instance only."
	}
	return op
}

// operationID is method and path in one word: postStoresReveal.
func operationID(rt Route) string {
	id := strings.ToLower(rt.Method)
	for part := range strings.SplitSeq(strings.TrimPrefix(rt.Path, "/v1"), "/") {
		if part == "" {
			continue
		}
		if name, ok := strings.CutPrefix(part, "{"); ok {
			part = "by-" + strings.TrimSuffix(name, "}")
		}
		for word := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == '-' || r == '.' || r == '_' }) {
			id += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return id
}

func answerOf(rt Route) map[string]any {
	switch {
	case rt.raw != "" && rt.out != nil:
		return map[string]any{"description": rt.raw, "content": content("application/json", schemaOf(rt.out))}
	case rt.raw != "":
		return map[string]any{"description": rt.raw}
	case rt.out == reflect.TypeFor[none]():
		return map[string]any{"description": "nothing"}
	}
	return map[string]any{"description": "done", "content": content("application/json", schemaOf(rt.out))}
}

func content(mediaType string, schema map[string]any) map[string]any {
	return map[string]any{mediaType: map[string]any{"schema": schema}}
}

func parameters(rt Route) (out []any) {
	for _, p := range rt.params {
		schema := map[string]any{"type": "string"}
		if len(p.of) > 0 {
			schema["enum"] = p.of
		}
		switch p.kind {
		case intParam:
			schema = map[string]any{"type": "integer", "minimum": 0}
			if p.max > 0 {
				schema["maximum"] = p.max
			}
		case boolParam:
			schema = map[string]any{"type": "boolean"}
		case timeParam:
			schema["format"] = "date-time"
		case wordsParam:
			schema = map[string]any{"type": "array", "items": schema, "maxItems": maxWords}
		case wordParam:
			if len(p.of) > 0 {
				break
			}
			schema["pattern"] = `^[A-Za-z0-9][A-Za-z0-9._#:/-]{0,63}$`
		case cursorParam:
			schema["maxLength"] = maxCursor
		}
		in := "query"
		if p.path {
			in = "path"
		}
		out = append(out, map[string]any{"name": p.name, "in": in, "required": p.path || p.must, "schema": schema, "description": p.doc})
	}
	if rt.Repeatable {
		out = append(out, map[string]any{"name": headerIdemKey, "in": "header", "required": false,
			"schema": map[string]any{"type": "string", "maxLength": 64}})
	}
	return out
}

// field is a field of a body.
type field struct {
	name     string
	typ      reflect.Type
	doc      string
	max      int64 // 0 is none
	optional bool
}

// fieldsOf lists the JSON fields of a struct; fields of path and query are none.
func fieldsOf(t reflect.Type) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		out = append(out, field{name: name, typ: f.Type, doc: f.Tag.Get("doc"), max: numberOf(f, "max"), optional: strings.Contains(opts, "omit")})
	}
	return out
}

// elementOf returns the struct inside t, where t is one or a list of them.
func elementOf(t reflect.Type) (inner reflect.Type, list bool) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		list = list || t.Kind() == reflect.Slice
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() {
		return t, list
	}
	return nil, false
}

func typeWord(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[*time.Time]():
		return "time"
	case t == reflect.TypeFor[json.RawMessage]():
		return "JSON"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + typeWord(t.Elem())
	case reflect.Pointer:
		return typeWord(t.Elem())
	case reflect.Struct:
		return "object"
	case reflect.Bool:
		return "flag"
	case reflect.Float64:
		return "number"
	case reflect.String:
		return "string"
	default:
		return "integer"
	}
}

// schemaOf returns the JSON schema of a type.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{} // any JSON value
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Struct:
	default:
		return map[string]any{"type": "integer"}
	}
	props, required := map[string]any{}, []string{}
	for _, f := range fieldsOf(t) {
		s := schemaOf(f.typ)
		if f.doc != "" {
			s["description"] = f.doc
		}
		if f.max > 0 {
			s["minimum"], s["maximum"] = 0, f.max
		}
		props[f.name] = s
		if !f.optional {
			required = append(required, f.name)
		}
	}
	return map[string]any{"type": "object", "properties": props, "required": required}
}

func problemSchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"type": "object", "required": []string{"type", "title", "status", "detail", "code"}, "properties": map[string]any{
		"type": text, "title": text, "status": map[string]any{"type": "integer"}, "detail": text, "hint": text, "code": text, "request": text,
	}}
}

func problemResponse() map[string]any {
	return map[string]any{
		"description": "what went wrong, in words that repeat nothing of the request",
		"content":     content("application/problem+json", map[string]any{"$ref": "#/components/schemas/Problem"}),
	}
}
