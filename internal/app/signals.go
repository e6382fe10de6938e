package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/detect"
)

// SignalConfig says what happens to an account whose use does not fit a person's
// (DPP 2.2.9).
type SignalConfig struct {
	// Act is disable or report; default disable, in a test instance report. An account
	// that is disabled has no way in until another person unlocks it.
	Act string `yaml:"act,omitempty"`
	// Denials is how many decisions against one person in ten minutes are a signal;
	// default 60, 10 at least; ours.
	Denials int `yaml:"denials,omitempty"`
}

// fewestDenials is what ordinary mistakes may come to.
const fewestDenials = 10

func (s SignalConfig) check() error {
	if !slices.Contains([]string{"", "disable", "report"}, s.Act) {
		return strongroom.Faultf(strongroom.Invalid, "signals", "signals.act is disable or report").Advise("leave it out to disable")
	}
	if s.Denials != 0 && (s.Denials < fewestDenials || s.Denials > 10000) {
		return strongroom.Faultf(strongroom.Invalid, "signals", "signals.denials lies between %d and 10000", fewestDenials)
	}
	return nil
}

// disables reports whether accounts are disabled, or only named in the operational
// log.
func (s SignalConfig) disables(env strongroom.Environment) bool {
	return s.Act == "disable" || s.Act == "" && env == strongroom.Production
}

// detectEvery is how long a signal may wait in the log.
const detectEvery = 5 * time.Second

// openDetector opens what follows the log and disables accounts.
func (a *App) openDetector() {
	a.detector = detect.New(detect.Options{
		Events: a.audit, Clock: a.clock, Denials: a.conf.Signals.Denials,
		Disable: func(ctx context.Context, person string, why detect.Signal) error {
			disables := a.conf.Signals.disables(a.conf.Environment)
			a.log.WarnContext(ctx, "the use of an account does not fit a person's",
				"person", person, "signal", why.Word().String(), "disabled", disables)
			if !disables {
				return nil
			}
			return a.sessions.Disable(ctx, strongroom.System("detect"), person, why.Word())
		},
	})
}

// keepDetecting looks again and again until ctx ends.
func (a *App) keepDetecting(ctx context.Context) error {
	t := time.NewTicker(detectEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		_, err := a.detector.Look(ctx)
		a.blind.Store(err != nil && ctx.Err() == nil)
		if err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelError, "signals in the log wait", slog.String("kind", strongroom.KindOf(err).String()))
		}
	}
}

// examineSignals looks whether the log is followed.
func (a *App) examineSignals() Finding {
	switch {
	case a.blind.Load():
		return Finding{"signals", Fail, "the log could not be followed, or an account not be disabled", "see the operational log; it is tried again every 5 seconds"}
	case a.conf.Signals.Act == "" && a.conf.Environment == strongroom.Test:
		return Finding{Check: "signals", State: OK, Found: "a test instance names accounts whose use does not fit in the operational log"}
	case !a.conf.Signals.disables(a.conf.Environment):
		return Finding{"signals", Warn, "accounts whose use does not fit are only named in the operational log", "take signals.act: report out of the configuration"}
	}
	return Finding{Check: "signals", State: OK, Found: "accounts whose use does not fit are disabled"}
}
