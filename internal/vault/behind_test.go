package vault_test

import (
	"testing"
	"time"

	"strongroom"
)

// A clock that went back would open what is past its date, so nothing is opened
// while it is more than five minutes behind the newest event.
func TestNothingOpensWhileTheClockIsBehindTheLog(t *testing.T) {
	f := open(t)
	id := f.ingest("orders", order).Records[0].ID
	f.pass(-4 * time.Minute)
	if _, err := f.reveal(id); err != nil {
		t.Fatalf("a small step back, as a time server makes it, stops work: %v", err)
	}
	f.pass(-10 * time.Minute)
	_, err := f.reveal(id)
	want(t, err, strongroom.Unavailable, "clock-behind")
	f.pass(20 * time.Minute)
	if _, err := f.reveal(id); err != nil {
		t.Fatalf("the clock is right again and nothing opens: %v", err)
	}
}
