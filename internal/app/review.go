package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"strongroom"
	"strongroom/internal/review"
)

// ReviewConfig says what the product does by itself about what reviews find, and how
// much it looks at.
type ReviewConfig struct {
	// Lapse is what happens to accounts that an overdue review has not looked at:
	// report (default) or suspend.
	Lapse string `yaml:"lapse,omitempty"`
	// Dormant is what happens to accounts that nobody uses: report (default) or suspend.
	Dormant string `yaml:"dormant,omitempty"`
	// Unapproved is what happens to accounts and rights neither in the baseline nor with
	// a case: report (default) or suspend.
	Unapproved string `yaml:"unapproved,omitempty"`
	// DormantDays is how long an account may be unused; default 30, which is the most.
	DormantDays int `yaml:"dormant_days,omitempty"`
	// Samples is how many reveals of each purpose are judged each month; default 20.
	Samples int `yaml:"samples,omitempty"`
}

// Bounds of the configuration; ours.
const (
	maxDormantDays = int(review.Dormant / (24 * time.Hour))
	maxSamples     = 1000
)

func (c ReviewConfig) check() error {
	for name, word := range map[string]string{"lapse": c.Lapse, "dormant": c.Dormant, "unapproved": c.Unapproved} {
		if !slices.Contains([]string{"", "report", "suspend"}, word) {
			return strongroom.Faultf(strongroom.Invalid, "review", "review.%s is report or suspend", name).Advise("leave it out to report")
		}
	}
	if c.DormantDays < 0 || c.DormantDays > maxDormantDays {
		return strongroom.Faultf(strongroom.Invalid, "review", "review.dormant_days lies between 1 and %d", maxDormantDays)
	}
	if c.Samples < 0 || c.Samples > maxSamples {
		return strongroom.Faultf(strongroom.Invalid, "review", "review.samples lies between 1 and %d", maxSamples)
	}
	return nil
}

// profile is the configuration as reviews take it.
func (c ReviewConfig) profile() review.Profile {
	response := func(word string) review.Response {
		if word == "suspend" {
			return review.Suspend
		}
		return review.Report
	}
	return review.Profile{Lapse: response(c.Lapse), Dormant: response(c.Dormant), Unapproved: response(c.Unapproved)}
}

// openReviews opens what looks again at who can reach information. Every register it
// reads is open.
func (a *App) openReviews() {
	c, key := a.conf.Review, a.ring.InstanceKey("review")
	a.reviews = review.New(review.Options{
		Guard: a.guard, Environment: a.conf.Environment, Key: key, Log: a.log,
		Registers: review.Directory{People: a.people, Access: a.access, Services: a.identity, Used: a.sessions.LastUsed, Connectors: a.intake},
		Events:    review.FromLog(a.audit, review.NewShelf(a.guard, a.conf.Environment, key)),
		Verbs:     func(role string) []string { return a.law.Engine().Verbs(role) },
		Profile:   c.profile(), Dormant: time.Duration(c.DormantDays) * 24 * time.Hour, Samples: c.Samples,
	})
}

// standing is how the reviews stood when they were counted last.
type standing struct {
	mu    sync.Mutex
	at    time.Time // real time
	tally review.Tally
	err   error // of the last count, or of the sweeper's part
}

// countEvery is how long a count is good for: it reads every account and right.
const countEvery = 5 * time.Minute

// tendReviews does what the configuration says about drift and lapses, and draws the
// samples of the months that are over. What fails is tried again the next time.
func (a *App) tendReviews(ctx context.Context) error {
	done, err := a.reviews.Tend(ctx)
	if done.Suspended+done.Ended > 0 {
		a.log.WarnContext(ctx, "reviews suspended accounts or ended rights", "suspended", done.Suspended, "ended", done.Ended)
	}
	months, drawn := a.reviews.DrawDue(ctx, strongroom.System("review"))
	if drawn != nil && ctx.Err() == nil {
		a.log.LogAttrs(ctx, slog.LevelError, "samples were not drawn", slog.String("kind", strongroom.KindOf(drawn).String()))
	}
	recalled := a.reviews.Recall(ctx)
	if recalled != nil && ctx.Err() == nil {
		a.log.LogAttrs(ctx, slog.LevelError, "use of rights was not read", slog.String("kind", strongroom.KindOf(recalled).String()))
	}
	err = errors.Join(err, drawn, recalled)
	a.standing.mu.Lock()
	defer a.standing.mu.Unlock()
	if a.standing.err = err; done.Suspended+done.Ended+months > 0 {
		a.standing.at = time.Time{} // count anew
	}
	return err
}

// reviewTally returns how the reviews stand, counted within [countEvery]. failed says
// that the count or the sweeper's part did not succeed.
func (a *App) reviewTally(ctx context.Context) (t review.Tally, failed bool) {
	s := &a.standing
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.at.IsZero() || now.Sub(s.at) > countEvery { // real time: how old a count is
		tally, err := a.reviews.Tally(ctx)
		if err != nil {
			return s.tally, true
		}
		s.tally, s.at = tally, now
	}
	return s.tally, s.err != nil
}

// reviewGauges are the numbers of the reviews that an operator watches.
func reviewGauges() []gauge {
	number := func(name, help string, read func(snapshot) float64) gauge {
		return gauge{desc: describe(name, help), kind: gaugeValue, read: read}
	}
	due := func(kind review.Kind) func(s snapshot) float64 {
		return func(s snapshot) float64 {
			for _, d := range s.reviews.Deadlines {
				if d.Kind == kind && !d.Due.IsZero() {
					return d.Due.Sub(s.now).Hours() / 24
				}
			}
			return 0
		}
	}
	return []gauge{
		number("review_people_due_days", "Days until the accounts and rights of people must have been reviewed; negative: overdue; 0 with nobody.", due(review.People)),
		number("review_services_due_days", "The same for services.", due(review.Services)),
		number("review_entries_undecided", "Entries of reviews that go on without a verdict.", func(s snapshot) float64 { return float64(s.reviews.Undecided) }),
		number("samples_waiting", "Reveals that somebody is to judge.", func(s snapshot) float64 { return float64(s.reviews.Waiting) }),
		number("samples_stale_months", "Months whose samples were not drawn or judged in time. Must be 0.", func(s snapshot) float64 { return float64(s.reviews.Stale) }),
		number("drift_findings", "Accounts and rights that depart from the baseline or are not used.", func(s snapshot) float64 { return float64(departures(s.reviews)) }),
		number("baselines_lost", "Approved baselines that are damaged, gone, or not the last that the log shows. Must be 0.", func(s snapshot) float64 { return float64(s.reviews.Lost) }),
		number("outside_unbound", "Ways to information past the product that are nobody's or a leaver's. Must be 0.", func(s snapshot) float64 {
			return float64(s.reviews.Findings[review.FlawUnbound] + s.reviews.Findings[review.FlawLeaver])
		}),
		number("review_failed", "1 while the reviews cannot be counted, or the sweeper's part of them failed.", func(s snapshot) float64 {
			if s.unreviewed {
				return 1
			}
			return 0
		}),
	}
}

// departures counts what departs from the baseline, without ways outside.
func departures(t review.Tally) (n int) {
	for _, f := range []review.Flaw{review.FlawUnapproved, review.FlawNew, review.FlawDormant, review.FlawStanding} {
		n += t.Findings[f]
	}
	return n
}

// examineReviews looks whether reviews, samples, the baseline and the register of
// ways outside are as they should be (DPP 2.2.6, 2.2.10, 2.2.11, 2.3.3).
func (a *App) examineReviews(ctx context.Context) []Finding {
	t, err := a.reviews.Tally(ctx)
	if err != nil {
		return []Finding{finding("reviews", err, "", "somebody may have changed the database; see docs/reviews.md")}
	}
	return []Finding{a.examineDue(t), examineSamples(t), examineDrift(t, a.o.Dir), examineOutside(t, a.o.Dir)}
}

func (a *App) examineDue(t review.Tally) Finding {
	x := Finding{Check: "reviews", State: OK}
	var found []string
	now := a.clock.Now()
	for _, d := range t.Deadlines {
		switch {
		case d.Due.IsZero():
			found = append(found, "no "+string(d.Kind))
			continue
		case d.Overdue:
			x.State = Fail
		case d.Due.Sub(now) < 14*24*time.Hour && x.State == OK:
			x.State = Warn
		}
		found = append(found, fmt.Sprintf("%s due %s", d.Kind, d.Due.Format(time.DateOnly)))
		if d.Open != "" {
			found[len(found)-1] += ", going on"
		}
	}
	x.Found = strings.Join(found, "; ")
	if t.Undecided > 0 {
		x.Found += fmt.Sprintf("; %d entries undecided", t.Undecided)
	}
	if x.State != OK {
		x.Advice = "strongroom review open people --data " + a.o.Dir + ", and services; see docs/reviews.md"
	}
	return x
}

func examineSamples(t review.Tally) Finding {
	x := Finding{Check: "samples", State: OK, Found: fmt.Sprintf("%d wait", t.Waiting)}
	if t.Stale > 0 {
		x.State, x.Advice = Fail, "strongroom review samples MONTH, then strongroom review judge"
		x.Found += fmt.Sprintf(", %d months are late", t.Stale)
	}
	return x
}

func examineDrift(t review.Tally, dir string) Finding {
	x := Finding{Check: "baseline", State: OK, Found: "nothing departs from it"}
	if t.Lost > 0 {
		x.State, x.Found = Fail, fmt.Sprintf("%d approved are damaged, gone, or not the last that the log shows", t.Lost)
		x.Advice = "somebody changed the database: open an incident; then two people approve anew, see docs/reviews.md"
		return x
	}
	if n := departures(t); n > 0 {
		x.State, x.Advice = Warn, "strongroom review drift people --data "+dir+", and services; then strongroom review baseline"
		x.Found = fmt.Sprintf("%d findings: %d unapproved, %d new, %d dormant, %d standing", n, t.Findings[review.FlawUnapproved],
			t.Findings[review.FlawNew], t.Findings[review.FlawDormant], t.Findings[review.FlawStanding])
	}
	return x
}

func examineOutside(t review.Tally, dir string) Finding {
	x := Finding{Check: "ways outside", State: OK, Found: "each is somebody's"}
	if n, m := t.Findings[review.FlawUnbound], t.Findings[review.FlawLeaver]; n+m > 0 {
		x.State, x.Found = Warn, fmt.Sprintf("%d are nobody's, %d of somebody who has left", n, m)
		x.Advice = "strongroom review outside list --data " + dir + "; bind them, or end them there"
	}
	return x
}
