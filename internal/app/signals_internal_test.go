package app

import (
	"testing"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/db"
)

// TestObligation_2_2_9_SignalsDisable: somebody signed in tries what the account may
// not do until it is disabled: the session is over and there is no way in, until
// another person unlocks it. Planted: an instance that only reports does neither.
func TestObligation_2_2_9_SignalsDisable(t *testing.T) {
	for act, locks := range map[string]int{"disable": 1, "report": 0} {
		t.Run(act, func(t *testing.T) {
			h := openHouse(t, Config{Signals: SignalConfig{Act: act, Denials: fewestDenials}})
			a := h.App
			jane := h.settle(0)
			who := signedIn(jane)
			for range fewestDenials {
				if _, _, err := a.access.Grants(t.Context(), who, access.GrantQuery{Limit: 1}); !strongroom.IsKind(err, strongroom.Denied) {
					t.Fatal(err)
				}
			}
			if _, err := a.detector.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			list, err := a.sessions.Locks(t.Context(), everything())
			if err != nil || len(list) != locks || locks > 0 && (list[0].Person != jane || !list[0].Complete || list[0].Cause != "denials") {
				t.Fatalf("%+v, %v", list, err)
			}
			open := false
			h.must(a.db.Read(t.Context(), func(r *db.Reader) (err error) {
				open, err = a.sessions.HasOpen(r, jane, r.Now())
				return err
			}))
			if open != (locks == 0) {
				t.Errorf("a session is open: %v", open)
			}
			if locks == 0 {
				return
			}
			if err := h.enter(jane); !strongroom.IsKind(err, strongroom.Denied) {
				t.Errorf("a disabled account signs in: %v", err)
			}
			h.must(a.sessions.Unlock(t.Context(), everything(), jane))
			if _, err := a.detector.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.must(h.enter(jane))
		})
	}
}

// TestSignalConfig: what would never or always be a signal is refused.
func TestSignalConfig(t *testing.T) {
	for _, bad := range []SignalConfig{{Act: "off"}, {Denials: 1}, {Denials: -1}, {Denials: 1e6}} {
		if err := bad.check(); !strongroom.IsKind(err, strongroom.Invalid) {
			t.Errorf("%+v is taken: %v", bad, err)
		}
	}
	good := SignalConfig{}
	if err := good.check(); err != nil || !good.disables(strongroom.Production) || good.disables(strongroom.Test) {
		t.Errorf("the default: %v", err)
	}
}
