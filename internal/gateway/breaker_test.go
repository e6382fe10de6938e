package gateway_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"strongroom/internal/gateway"
)

// After failures one after another a store is left alone for a while; then one call
// tries, and what becomes of it decides for the others.
func TestCircuitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := says(http.StatusInternalServerError, 0, 0), says(http.StatusOK, 0, 0, "fine")
		f := &far{say: bad}
		g := gateway.Outward(f)
		ask := func() string {
			_, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0)
			return code(err)
		}
		want := func(when, want string, calls int64) {
			t.Helper()
			before := f.calls.Load()
			if got, n := ask(), f.calls.Load()-before; got != want || n != calls {
				t.Errorf("%s: %q after %d calls", when, got, n)
			}
		}
		for range gateway.BreakAfter {
			want("it fails", "", 1)
		}
		want("it failed often", "circuit-open", 0)
		time.Sleep(gateway.BreakFor - time.Millisecond)
		want("a moment too early", "circuit-open", 0)
		time.Sleep(time.Millisecond)
		want("one tries and fails", "", 1)
		want("it is left alone again", "circuit-open", 0)

		// While one tries, the others are still refused.
		time.Sleep(gateway.BreakFor)
		f.say = says(http.StatusOK, time.Second, 0, "fine")
		done := make(chan string)
		go func() { done <- ask() }()
		synctest.Wait()
		want("another one tries", "circuit-open", 0)
		if got := <-done; got != "" {
			t.Errorf("the one that tried: %s", got)
		}
		f.say = good
		want("it is well", "", 1)
		for range gateway.BreakAfter - 1 { // what failed before is forgotten
			f.say = bad
			want("it fails anew", "", 1)
		}
		f.say = good
		want("it is well in time", "", 1)
	})
}

// A caller that leaves while it tries leaves the try to the next one.
func TestCircuitOutlivesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{say: says(http.StatusInternalServerError, 0, 0)}
		g := gateway.Outward(f)
		for range gateway.BreakAfter {
			_, _, _ = gateway.Ask(t.Context(), g, http.MethodPost, 0) // it fails
		}
		time.Sleep(gateway.BreakFor)
		f.say = says(http.StatusOK, time.Second, 0, "fine")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := gateway.Ask(ctx, g, http.MethodPost, 0); err == nil {
			t.Error("a caller that left was answered")
		}
		if _, text, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); err != nil || string(text) != "fine" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// An answer that begins well and breaks off is a failure of the platform's; one that
// nobody reads to its end is none.
func TestCircuitJudgesBodies(t *testing.T) {
	open := func(t *testing.T, f *far, g *gateway.Gateway) bool {
		t.Helper()
		before := f.calls.Load()
		f.say = says(http.StatusOK, 0, 0, "fine")
		_, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0)
		if open := code(err) == "circuit-open"; open != (f.calls.Load() == before) {
			t.Error(err)
		}
		return err != nil
	}
	for _, c := range []struct {
		name string
		one  func(t *testing.T, g *gateway.Gateway)
		open bool
	}{
		{"broken", func(t *testing.T, g *gateway.Gateway) {
			if _, text, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); code(err) != "upstream-failed" || string(text) != "one," {
				t.Errorf("%q, %v", text, err)
			}
		}, true},
		{"left by the caller", func(t *testing.T, g *gateway.Gateway) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			if _, _, err := gateway.Ask(ctx, g, http.MethodPost, time.Second); err == nil {
				t.Error("it was answered")
			}
		}, false},
		{"not read to the end", func(t *testing.T, g *gateway.Gateway) {
			if err := gateway.Drop(t.Context(), g); err != nil {
				t.Error(err)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &far{}
				g := gateway.Outward(f)
				for range gateway.BreakAfter {
					f.say = breaks
					c.one(t, g)
				}
				if got := open(t, f, g); got != c.open {
					t.Errorf("open: %v", got)
				}
			})
		})
	}
}

// breaks answers well and breaks off after a part.
func breaks(r *http.Request) (*http.Response, error) {
	res, err := says(http.StatusOK, 0, time.Second, "one,")(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(res.Body, iotest.ErrReader(io.ErrUnexpectedEOF)), res.Body}
	}
	return res, err
}

// What went out before a circuit opened says nothing of the platform as it is now.
func TestCircuitHearsNothingLate(t *testing.T) {
	const late = 25 * time.Second
	for name, end := range map[string]func(*http.Request) (*http.Response, error){
		"well":  says(http.StatusOK, 0, late, "late"),
		"badly": says(http.StatusInternalServerError, late, 0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &far{say: end}
				g := gateway.Outward(f)
				done := make(chan error)
				began := time.Now()
				go func() {
					_, _, err := gateway.Ask(context.WithoutCancel(t.Context()), g, http.MethodPost, 0)
					done <- err
				}()
				synctest.Wait()
				time.Sleep(late - gateway.BreakFor)
				f.say = says(http.StatusInternalServerError, 0, 0)
				time.Sleep(time.Second)
				for range gateway.BreakAfter {
					_, _, _ = gateway.Ask(t.Context(), g, http.MethodPost, 0) // it fails
				}
				opened := time.Now()
				<-done
				if took := time.Since(began); took < late {
					t.Fatalf("it came after %v", took)
				}
				if _, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); code(err) != "circuit-open" {
					t.Errorf("an old answer closed the circuit: %v", err)
				}
				time.Sleep(time.Until(opened.Add(gateway.BreakFor)))
				f.say = says(http.StatusOK, 0, 0, "fine")
				if _, _, err := gateway.Ask(t.Context(), g, http.MethodPost, 0); err != nil {
					t.Errorf("an old failure kept it open: %v", err)
				}
			})
		})
	}
}
