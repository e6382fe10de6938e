package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/identity"
)

// examinePeople checks accounts, rights, services and where calls may come from.
func (a *App) examinePeople(ctx context.Context) []Finding {
	return append([]Finding{
		a.examineOwner(ctx), a.examineRecovery(ctx), a.examineStanding(ctx), a.examineFactors(ctx), a.examineGrants(ctx), a.examineServices(ctx), a.examineLeavers(ctx), a.examineNetworks(ctx), a.examineSignals(),
	}, a.examineReviews(ctx)...)
}

// examineOwner looks whether anybody can sign in at all.
func (a *App) examineOwner(ctx context.Context) Finding {
	g, err := a.people.Gauges(ctx)
	x := finding("people", err, fmt.Sprintf("%d active, %d invited, %d suspended", g.Active, g.Invited, g.Suspended), "see docs/operations.md")
	if err == nil && g.Active+g.Invited == 0 {
		x.State, x.Found, x.Advice = Warn, "nobody has an account", "name the first owner: strongroom person found NAME --email ADDRESS --data "+a.o.Dir
		if a.conf.Environment == strongroom.Production {
			x.State = Fail
		}
	}
	return x
}

// examineRecovery looks whether an owner is being led back in.
func (a *App) examineRecovery(ctx context.Context) Finding {
	n, err := a.people.RecoveriesUnderWay(ctx)
	if err == nil && n > 0 {
		return Finding{"recoveries", Warn, fmt.Sprintf("%d owners are being led back in from the host", n),
			"who did not ask for it signs in and calls it off: strongroom person recover --cancel usr_… --data " + a.o.Dir}
	}
	return finding("recoveries", err, "none is under way", "see docs/operations.md")
}

// examineStanding counts accounts without training or pledge (DPP 2.1.6, 3.2.13).
// They are held back until then, so it is no failure.
func (a *App) examineStanding(ctx context.Context) Finding {
	g, err := a.people.Gaps(ctx)
	if err != nil {
		return finding("trainings", err, "", "see docs/operations.md")
	}
	if g.Untrained+g.Unpledged > 0 {
		return Finding{"trainings", Warn, fmt.Sprintf("of %d active accounts %d lack a training and %d a pledge", g.Active, g.Untrained, g.Unpledged),
			"they reach the own account alone until: strongroom training record, strongroom training pledge"}
	}
	return Finding{Check: "trainings", State: OK, Found: fmt.Sprintf("%d active accounts, all trained and pledged", g.Active)}
}

// examineFactors looks at passwords and second factors (DPP 2.4.6, 2.4.7).
func (a *App) examineFactors(ctx context.Context) Finding {
	g, err := a.people.Gauges(ctx)
	x := finding("passwords", err, fmt.Sprintf("the oldest is %d days old", g.OldestPassword/(24*time.Hour)), "see docs/operations.md")
	switch {
	case err != nil:
	case g.OneFactor > 0:
		x.State, x.Found, x.Advice = Fail, fmt.Sprintf("%d active accounts have no two factors", g.OneFactor), "somebody changed the database: open an incident"
	case g.Overdue > 0:
		x.State, x.Advice = Warn, fmt.Sprintf("%d passwords are past their age; they open nothing until they are changed", g.Overdue)
	}
	return x
}

// examineGrants counts grants without a case (DPP 2.2.1).
func (a *App) examineGrants(ctx context.Context) Finding {
	n, err := a.access.Orphans(ctx)
	if err == nil && n > 0 {
		return Finding{"grants", Fail, fmt.Sprintf("%d grants have no case", n), "they give no right; somebody changed the database: open an incident"}
	}
	return finding("grants", err, "every grant has its case", "see docs/operations.md")
}

// examineServices counts services that nobody answers for or uses (DPP 2.2.3,
// 2.2.6). The key of tests in a test instance is nobody's by design.
func (a *App) examineServices(ctx context.Context) Finding {
	n, flaws, err := a.identity.Tally(ctx)
	x := finding("services", err, fmt.Sprintf("%d go on", n), "see docs/operations.md")
	var found []string
	for _, f := range []identity.Flaw{identity.FlawUnowned, identity.FlawOrphan, identity.FlawAway, identity.FlawUnused, identity.FlawRotate, identity.FlawDamaged} {
		if flaws[f] > 0 {
			found = append(found, fmt.Sprintf("%d %s", flaws[f], f))
		}
	}
	if err == nil && len(found) > 0 {
		x.State, x.Found, x.Advice = Warn, x.Found+": "+strings.Join(found, ", "), "strongroom service findings --data "+a.o.Dir+"; adopt, rotate or revoke them"
	}
	return x
}

// examineLeavers looks whether anybody who left has a way in (DPP 2.2.12).
func (a *App) examineLeavers(ctx context.Context) Finding {
	t, err := a.federation.Tally(ctx)
	x := finding("leavers", err, "no way in was found open", "see docs/operations.md")
	switch {
	case err != nil:
	case t.Open > 0:
		x.State, x.Found = Fail, fmt.Sprintf("%d people who left had a way in when they were probed", t.Open)
		x.Advice = "open an incident, end it, and probe again: strongroom person leavers --data " + a.o.Dir
	case t.Unprobed > 0:
		x.Found = fmt.Sprintf("%d people who left are not probed yet; the instance does it while it serves", t.Unprobed)
	}
	return x
}

// examineNetworks looks for an allow-list; in production it fails without one (DPP
// 2.1.2).
func (a *App) examineNetworks(ctx context.Context) Finding {
	f, err := a.access.NetworkFinding(ctx)
	x := finding("networks", err, fmt.Sprintf("%d rules", f.Rules), "see docs/operations.md")
	if err == nil && f.Fail {
		x.State, x.Found = Fail, "calls may come from everywhere"
		x.Advice = "say from where: strongroom network allow 192.0.2.0/24 --data " + a.o.Dir
	}
	return x
}
