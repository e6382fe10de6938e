package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"strongroom"
	"strongroom/internal/gateway"
)

// list returns an answer with n objects of some size.
func list(n, size int, head, tail string) []byte {
	b := []byte(head)
	for i := range n {
		if i > 0 {
			b = append(b, ',', ' ')
		}
		b = fmt.Appendf(b, `{"id":"%d","odd":"a\"b]},\\","pad":%q,"in":[1,[2,{"x":[]}]]}`, i, strings.Repeat("x", size))
	}
	return append(b, tail...)
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("what came out is no JSON: %v", err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("what came out is something else than what went in")
	}
}

func TestSplit(t *testing.T) {
	const page = `],"page":{"next":"https://up.example/api/v2/orders?page=2","previous":null,"n":1}}`
	for _, c := range []struct {
		name   string
		body   []byte
		chunks int
		bare   bool
	}{
		{"a page", list(3, 10, `{"success":true,"orders":[`, page), 1, false},
		{"nothing in it", []byte(`{"success":true,"orders":[],"page":{"next":null}}`), 1, false},
		{"a long list", list(3000, 1000, `{"success":true,"orders":[`, page), 6, false},
		{"the page before the list", list(3000, 1000, `{"page":{"next":"https://up.example/?page=2"},"orders" : [`, `],"success":true}`), 6, false},
		{"a list without envelope", list(3000, 1000, ` [`, `] `), 6, true},
		{"a short list without envelope", list(3, 10, `[`, `]`), 1, true},
		{"one object", []byte(`{"order":{"id":"1","orders":[1,2,3]}}`), 1, false},
		{"another list", list(20, 10, `{"success":true,"things":[`, page), 1, false},
		{"a list inside", list(20, 10, `{"a":{"orders":[1,2]},"orders":[`, page), 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			mark := func(string) string { return "https://mirror.example/next" }
			for _, r := range []io.Reader{bytes.NewReader(c.body), iotest.OneByteReader(bytes.NewReader(c.body)), iotest.DataErrReader(bytes.NewReader(c.body))} {
				chunks, whole, err := gateway.Split(r, "orders", mark)
				if err != nil {
					t.Fatal(err)
				}
				if len(chunks) < c.chunks || c.chunks == 1 && len(chunks) != 1 {
					t.Errorf("%d chunks", len(chunks))
				}
				for i, chunk := range chunks {
					if !json.Valid(chunk) || chunk[0] != '{' && chunk[0] != ' ' {
						t.Errorf("chunk %d is no envelope", i)
					}
					if len(chunk) > 2*gateway.ChunkSize {
						t.Errorf("chunk %d has %d bytes", i, len(chunk))
					}
				}
				if bytes.Contains(whole, []byte("up.example")) {
					t.Error("a link of the platform is left")
				}
				same(t, whole, bytes.ReplaceAll(bytes.ReplaceAll(c.body, []byte("https://up.example/api/v2/orders?page=2"), []byte("https://mirror.example/next")),
					[]byte("https://up.example/?page=2"), []byte("https://mirror.example/next")))
			}
		})
	}
}

// What cannot be relied on is refused, not guessed at.
func TestSplitRefuses(t *testing.T) {
	big := append([]byte(`{"orders":[{"id":"1","note":"`), bytes.Repeat([]byte("x"), gateway.MaxElement+1)...)
	for name, c := range map[string]struct {
		body []byte
		code string
	}{
		"an endless element":     {big, "upstream-size"},
		"a page twice":           {[]byte(`{"orders":[],"page":{"next":"a"},"page":{"next":"b"}}`), "upstream-answer"},
		"a key that hides":       {[]byte(`{"orders":[],"p\u0061ge":{"next":"https://up.example/?page=2"}}`), "upstream-answer"},
		"something else endless": {append([]byte(`{"other":["`), bytes.Repeat([]byte("x"), gateway.MaxElement+1)...), "upstream-size"},
	} {
		_, _, err := gateway.Split(bytes.NewReader(c.body), "orders", func(s string) string { return s })
		if f, ok := err.(*strongroom.Fault); !ok || f.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := io.MultiReader(strings.NewReader(`{"orders":[{"id":"1"}`), iotest.ErrReader(io.ErrClosedPipe))
	if _, _, err := gateway.Split(broken, "orders", nil); err == nil {
		t.Error("an answer that broke off counts as whole")
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"success":true,"orders":[{"id":"1"},{"id":"2"}],"page":{"next":"https://x/?page=2"}}`))
	f.Add([]byte(`[{"id":1},{"id":2}]`))
	f.Add([]byte(`{"orders":[{"a":"\""}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		chunks, whole, err := gateway.Split(bytes.NewReader(body), "orders", func(s string) string { return s })
		if err != nil {
			return
		}
		if len(chunks) == 0 {
			t.Fatal("no chunk")
		}
		var a, b any
		if json.Unmarshal(body, &a) == nil && (json.Unmarshal(whole, &b) != nil || !reflect.DeepEqual(a, b)) {
			t.Errorf("%q became %q", body, whole)
		}
	})
}
