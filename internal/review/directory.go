package review

import (
	"context"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/access"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/identity"
	"strongroom/internal/intake"
	"strongroom/internal/people"
)

// Directory is [Registers] over the registers of persons, rights and services. All
// fields are required but Used and Connectors. Safe for concurrent use.
type Directory struct {
	People   *people.People
	Access   *access.Access
	Services *identity.Identity
	// Used returns when each person was last there; nil knows nothing, and after a while
	// everybody counts as dormant.
	Used func(r *db.Reader) (map[string]time.Time, error)
	// Connectors are the stored credentials of stores; nil has none.
	Connectors *intake.Intake
}

// Items returns the persons with their grants, or the services and the stored
// credentials.
func (d Directory) Items(r *db.Reader, kind Kind, now time.Time) (out []Item, err error) {
	if kind == Services {
		if err := d.Services.Each(r, func(k identity.Key) error {
			out = append(out, Item{
				ID: k.ID, Sort: Account, Account: k.ID, Owner: k.Owner, Roles: k.Roles, Stores: k.Stores, AllStores: k.AllStores,
				Case: k.Case, From: k.Created, Until: k.Expires, Used: later(k.Used, k.Resumed), Suspended: !k.Suspended.IsZero(),
			})
			return nil
		}); err != nil {
			return nil, err
		}
		return d.withConnectors(r, out)
	}
	used := map[string]time.Time{}
	if d.Used != nil {
		if used, err = d.Used(r); err != nil {
			return nil, err
		}
	}
	if err := d.People.Each(r, func(p people.Person) error {
		out = append(out, Item{
			ID: p.ID, Sort: Account, Account: p.ID, Case: p.Case, From: p.Created, Until: p.Ends,
			Used: used[p.ID], Suspended: p.State != people.Active && !p.Damaged,
		})
		return nil
	}); err != nil {
		return nil, err
	}
	return out, d.Access.Each(r, now, func(g access.Grant) error {
		out = append(out, grantItem(g))
		return nil
	})
}

// withConnectors adds the stored credentials to the services (DPP 2.2.11).
func (d Directory) withConnectors(r *db.Reader, out []Item) ([]Item, error) {
	if d.Connectors == nil {
		return out, nil
	}
	list, err := d.Connectors.Connectors(r)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		out = append(out, Item{ID: c.Store, Sort: Connector, Account: c.Store, Stores: []string{c.Store}, From: c.Since, Used: c.Used})
	}
	return out, nil
}

// grantItem is a grant as a review sees it. One that does not open has no case.
func grantItem(g access.Grant) Item {
	it := Item{
		ID: g.ID, Sort: Right, Account: g.Subject, Stores: g.Stores, AllStores: g.AllStores, Case: g.Request, From: g.From, Until: g.Until,
	}
	switch {
	case g.Damaged:
		it.Case = ""
		if !strongroom.IsID("usr", it.Account) {
			it.Account = g.ID // somebody wrote the row by hand
		}
	case g.Role == "":
		it.Elevated, it.Stores = true, []string{g.Right.Store}
	default:
		it.Roles = []string{g.Role}
	}
	return it
}

// Exists returns nil for a person or service that has not ended.
func (d Directory) Exists(r *db.Reader, account string) error {
	if strongroom.IsID("usr", account) {
		return d.People.Exists(r, account)
	}
	there := false
	if err := d.Services.Each(r, func(k identity.Key) error {
		there = there || k.ID == account
		return nil
	}); err != nil {
		return err
	}
	if !there {
		return strongroom.Faultf(strongroom.NotFound, "service", "there is no such service")
	}
	return nil
}

// SameHand asks the register of services, which knows who made and took their keys.
func (d Directory) SameHand(r *db.Reader, a, b string) (bool, error) {
	return d.Services.SameHand(r, a, b)
}

// Remove revokes a grant or a service, takes a stored credential away, or ends a
// person's account.
func (d Directory) Remove(ctx context.Context, who strongroom.Actor, it Item) error {
	switch {
	case it.Sort == Connector && d.Connectors != nil:
		return d.Connectors.Forget(ctx, who, it.ID)
	case it.Sort == Right:
		return d.Access.Revoke(ctx, who, it.ID)
	case strongroom.IsID("svc", it.ID):
		return d.Services.RevokeKey(ctx, who, it.ID)
	}
	return d.People.End(ctx, who, it.ID, people.Cause{Kind: people.ByHand})
}

// Narrow asks for the smaller right and then revokes the one there is; another
// person decides about the request. Where the person has roles at other stores, such
// a request is refused, and nothing is revoked. Tried again after a revocation that
// failed, it finds the request that waits and asks no second time.
func (d Directory) Narrow(ctx context.Context, who strongroom.Actor, it Item, to Scope) error {
	others := false
	grants, _, err := d.Access.Grants(ctx, who, access.GrantQuery{Person: it.Account, Limit: 1000})
	if err != nil {
		return err
	}
	for _, g := range grants {
		others = others || g.Role != "" && g.Ended.IsZero() && !g.Damaged && g.ID != it.ID
	}
	if others && (to.AllStores != it.AllStores || !slices.Equal(to.Stores, it.Stores)) {
		return strongroom.Faultf(strongroom.Conflict, "scope", "the person has other roles at the same stores").
			Advise("remove the right and ask for all roles anew")
	}
	spec := access.Spec{
		Kind: access.Role, Reason: "a review found the right too wide", Subject: it.Account, Roles: to.Roles,
		Stores: to.Stores, AllStores: to.AllStores, Until: to.Until, Replace: !others,
	}
	waits, err := d.asked(ctx, who, spec)
	if err != nil {
		return err
	}
	if !waits {
		if _, err := d.Access.Ask(ctx, who, spec); err != nil {
			return err
		}
	}
	return d.Access.Revoke(ctx, who, it.ID)
}

// asked reports whether a request for the same roles of the same person waits,
// whoever asked.
func (d Directory) asked(ctx context.Context, who strongroom.Actor, s access.Spec) (bool, error) {
	for cursor := ""; ; {
		open, next, err := d.Access.Requests(ctx, who, access.Query{State: access.Open, Cursor: cursor, Limit: 1000})
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(open, func(q access.Request) bool { return sameRoles(q.Spec, s) }) {
			return true, nil
		}
		if next == "" {
			return false, nil
		}
		cursor = next
	}
}

// sameRoles reports whether two requests would give a person the same.
func sameRoles(a, b access.Spec) bool {
	return a.Kind == b.Kind && a.Subject == b.Subject && a.Replace == b.Replace && a.AllStores == b.AllStores &&
		db.MicrosOrZero(a.Until) == db.MicrosOrZero(b.Until) && sameWords(a.Roles, b.Roles) && sameWords(a.Stores, b.Stores)
}

// sameWords compares lists without regard to their order.
func sameWords(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// SuspendPerson suspends a person for a reason of the register's list.
func (d Directory) SuspendPerson(tx *guard.Tx, person string, why Why) error {
	reason := people.Lapse
	switch why {
	case WhyDormant:
		reason = people.Dormant
	case WhyUnapproved:
		reason = people.Incident
	}
	return d.People.SuspendTx(tx, person, reason)
}

// SuspendService suspends a service.
func (d Directory) SuspendService(ctx context.Context, who strongroom.Actor, service string) error {
	_, err := d.Services.Suspend(ctx, who, service)
	return err
}
