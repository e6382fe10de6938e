package apptest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"strongroom/internal/apptest"
)

// TestScannerFindsEveryForm plants a value in each form: a search that cannot
// find proves nothing.
func TestScannerFindsEveryForm(t *testing.T) {
	const value = "Größmüllner"
	s := apptest.NewScanner([]string{value, "short", "881204"})
	var utf []byte
	for _, u := range utf16.Encode([]rune(value)) {
		utf = append(utf, byte(u), byte(u>>8))
	}
	b64 := func(before string) string { return base64.StdEncoding.EncodeToString([]byte(before + value + "z")) }
	for form, text := range map[string]string{
		"text": value, "upper": strings.ToUpper(value), "lower": strings.ToLower(value),
		"JSON": `Gr\u00f6\u00dfm\u00FCllner`, "percent": url.QueryEscape(value), "hex": strings.ToUpper(hex.EncodeToString([]byte(value))),
		"Base64 0": b64(""), "Base64 1": b64("x"), "Base64 2": b64("xy"), "Base64 3": b64("xyz"),
		"URL Base64": base64.RawURLEncoding.EncodeToString([]byte("??>" + value)), "UTF-16": string(utf),
		"number": "id=881204,",
	} {
		noise := bytes.Repeat([]byte{0xc3, 0x28, 0xff, 'x'}, 100)
		if form == "number" {
			noise = []byte(" ")
		}
		part := apptest.Part{Name: form, Bytes: append(append(bytes.Clone(noise), text...), noise...)}
		if hits := s.Scan(part); len(hits) != 1 {
			t.Errorf("%s: %v", form, hits)
		}
	}
	for _, text := range []string{"", "short", "Größmülln", "1788120445", "a881204f"} {
		if hits := s.Scan(apptest.Part{Bytes: []byte(text)}); len(hits) != 0 {
			t.Errorf("%q: %v", text, hits)
		}
	}
}
