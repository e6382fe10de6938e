package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// Without --platform a body is the store's platform's, as the help says.
func TestIngestTakesTheStoresPlatform(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	do := func(in string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(in), &out, &errs); code != 0 {
			t.Fatalf("%v: %s", args, errs.String())
		}
		return out.String()
	}
	do("", "init", "--data", dir, "--environment", "test", "--tls", "off")
	store := strings.TrimSpace(do("", "store", "add", "--data", dir, "--platform", "woocommerce", "Nopalito"))
	for n, flags := range [][]string{nil, {"--platform", "shopify"}} {
		body := `{"order":{"id":"` + string(rune('1'+n)) + `","number":"1"}}`
		do(body, append([]string{"ingest", "--data", dir, "--store", store, "--resource", "orders", "-"}, flags...)...)
	}
	var page struct {
		Records []struct {
			Origin struct{ Platform string }
		}
	}
	if err := json.Unmarshal([]byte(do("", "record", "list", "--data", dir, "--json", store)), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Records) != 2 || page.Records[0].Origin.Platform != "woocommerce" || page.Records[1].Origin.Platform != "shopify" {
		t.Fatalf("%+v", page)
	}
}
