package scim_test

import (
	"net/http"
	"testing"

	"strongroom"
	"strongroom/internal/web"
)

// A caller whom nobody knows hears to wait once its source has asked too often; the
// directory at the same source goes on.
func TestStrangersAreLimited(t *testing.T) {
	f := fresh(t)
	f.over = strongroom.Faultf(strongroom.Exhausted, web.CodeSource, "too many calls come from this source")
	status, body, head := f.askAs(t, "nonsense", "GET", "/Users", nil)
	if status != http.StatusTooManyRequests || head.Get("Retry-After") == "" || body["status"] != "429" {
		t.Errorf("a stranger past the limit: %d, Retry-After %q", status, head.Get("Retry-After"))
	}
	if status, _, _ := f.ask(t, "GET", "/Users", nil); status != http.StatusOK {
		t.Errorf("the directory: %d", status)
	}
	f.over = nil
	if status, _, _ := f.askAs(t, "nonsense", "GET", "/Users", nil); status != http.StatusUnauthorized {
		t.Errorf("a stranger within the limit: %d", status)
	}
}
