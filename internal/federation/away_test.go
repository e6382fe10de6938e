package federation_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"strongroom/internal/db"
	"strongroom/internal/federation"
)

// TestProviderThatIsAway: those who come while it does not answer do not wait for it
// one after the other, and soon it is asked again.
func TestProviderThatIsAway(t *testing.T) {
	o := newOP(t)
	s := newSite(t, o)
	o.Says["issuer"] = "https://evil.example"
	if _, err := s.f.Begin(t.Context(), s.start); code(err) != "provider-away" {
		t.Fatalf("%v", err)
	}
	delete(o.Says, "issuer")
	if _, err := s.f.Begin(t.Context(), s.start); code(err) != "provider-away" { // planted: it would answer by now
		t.Errorf("asked again at once: %v", err)
	}
	s.f.real.SetOffset(s.f.real.Offset() + 6*time.Second)
	if _, err := s.f.Begin(t.Context(), s.start); err != nil {
		t.Errorf("asked again later: %v", err)
	}
}

// TestProviderThatAnswersBadly: one whose answer is not taken is not asked again at once
// either, and the reason stays the same.
func TestProviderThatAnswersBadly(t *testing.T) {
	for what, bad := range map[string]struct {
		key, want string
		says      any
	}{
		"an endpoint of another scheme": {"token_endpoint", "provider-away", "ftp://op.example/token"},
		"no S256":                       {"code_challenge_methods_supported", "provider-pkce", []string{"plain"}},
	} {
		t.Run(what, func(t *testing.T) {
			o := newOP(t)
			s := newSite(t, o)
			o.Says[bad.key] = bad.says
			if _, err := s.f.Begin(t.Context(), s.start); code(err) != bad.want {
				t.Fatalf("%v", err)
			}
			delete(o.Says, bad.key)
			if _, err := s.f.Begin(t.Context(), s.start); code(err) != bad.want { // planted: it would answer by now
				t.Errorf("asked again at once: %v", err)
			}
			s.f.real.SetOffset(s.f.real.Offset() + 6*time.Second)
			if _, err := s.f.Begin(t.Context(), s.start); err != nil {
				t.Errorf("asked again later: %v", err)
			}
		})
	}
}

// TestMadeUpStateDoesNotWait: an answer nobody waits for is refused without a turn of
// the writer, so that strangers cannot fill its queue.
func TestMadeUpStateDoesNotWait(t *testing.T) {
	f := fresh(t)
	busy, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	free := func() { once.Do(func() { close(done) }) }
	t.Cleanup(free)
	go func() {
		_ = f.db.Update(context.Background(), func(*db.Tx) error { close(busy); <-done; return nil })
	}()
	<-busy
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := f.Finish(ctx, federation.Answer{State: "made up", Code: "x", Source: home}); code(err) != "sign-on-over" || ctx.Err() != nil {
		t.Errorf("while the writer is busy: %v", err)
	}
	// Planted: what writes waits.
	short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := f.db.Update(short, func(*db.Tx) error { return nil }); err == nil {
		t.Error("the writer was not busy")
	}
	free()
}
