package web_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/web"
)

type body struct {
	Purpose string   `json:"purpose"`
	Tokens  []string `json:"tokens"`
}

func TestDecodeJSON(t *testing.T) {
	for _, c := range []struct {
		name, in string
		kind     strongroom.Kind
		ok       bool
	}{
		{"plain", `{"purpose":"tax","tokens":["a"]}`, 0, true},
		{"white space around", " {\"purpose\":\"tax\"}\n", 0, true},
		{"a field twice", `{"purpose":"tax","purpose":"invoice"}`, strongroom.Invalid, false},
		{"twice behind another", `{"purpose":"tax","tokens":["a,{\"b\":1}"] , "purpose" : "invoice"}`, strongroom.Invalid, false},
		{"twice in other letters", `{"purpose":"tax","PURPOSE":"invoice"}`, strongroom.Invalid, false},
		{"twice under an escape", `{"purpose":"tax","p\u0075rpose":"invoice"}`, strongroom.Invalid, false},
		{"twice in another alphabet's letter", `{"tokens":["a"],"to\u212aens":["b"]}`, strongroom.Invalid, false},
		{"a value like a name", `{"purpose":"purpose","tokens":["purpose","purpose","tokens"]}`, 0, true},
		{"empty", "", strongroom.Invalid, false},
		{"blank", "  \n", strongroom.Invalid, false},
		{"unknown field", `{"jane":1}`, strongroom.Invalid, false},
		{"second value", `{} {}`, strongroom.Invalid, false},
		{"trailing text", `{} jane`, strongroom.Invalid, false},
		{"truncated", `{"purpose":"ta`, strongroom.Invalid, false},
		{"wrong type", `{"purpose":7}`, strongroom.Invalid, false},
		{"array", `[]`, strongroom.Invalid, false},
		{"not utf-8", "{\"purpose\":\"\xff\"}", strongroom.Invalid, false},
		{"html", `<html>jane</html>`, strongroom.Invalid, false},
		{"too deep", `{"tokens":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, strongroom.TooLarge, false},
		{"brackets in a string are no depth", `{"purpose":"` + strings.Repeat(`[\"`, 99) + `"}`, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v body
			err := web.DecodeJSON([]byte(c.in), &v)
			if (err == nil) != c.ok || err != nil && !strongroom.IsKind(err, c.kind) {
				t.Fatalf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "jane") {
				t.Errorf("the fault repeats the input: %v", err)
			}
		})
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"purpose":"tax","tokens":["a"]}`))
	f.Add([]byte(`{"purpose":"\u0000`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var v body
		if err := web.DecodeJSON(in, &v); err != nil && strongroom.KindOf(err) == strongroom.Internal {
			t.Errorf("not a fault of the caller: %v", err)
		}
	})
}

func TestReadBody(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     io.Reader
		length int64
		kind   strongroom.Kind
		ok     bool
	}{
		{"fits", strings.NewReader("12345678"), 8, 0, true},
		{"fits, length unknown", strings.NewReader("12345678"), -1, 0, true},
		{"declared too large", strings.NewReader("x"), 9, strongroom.TooLarge, false},
		{"turns out too large", strings.NewReader("123456789"), -1, strongroom.TooLarge, false},
		{"shorter than declared", strings.NewReader("123"), 8, strongroom.Invalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", c.in)
			r.ContentLength = c.length
			_, err := web.ReadBody(httptest.NewRecorder(), r, 8)
			if (err == nil) != c.ok || err != nil && !strongroom.IsKind(err, c.kind) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestMediaType(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"", "", true}, {"application/json", "application/json", true},
		{"Application/JSON; charset=UTF-8", "application/json", true},
		{"application/json; charset=latin1", "", false}, {";;", "", false},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", c.in)
		got, err := web.MediaType(r)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
		if err != nil && web.Status(err) != 415 {
			t.Errorf("%q: status %d", c.in, web.Status(err))
		}
	}
}
