package access

import (
	"encoding/hex"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/people"
)

// Directories and providers say who is hired and who is in which group. What follows
// from that is asked for here, inside their transaction, and decided by people like
// all else. None of these asks for a decision of its own: each serves the one that
// let the directory write, or the person sign on.

// AskAgain is how long a right that was refused is not asked for again because of
// the same membership. It is ours.
const AskAgain = 30 * 24 * time.Hour

// directoryAsker stands for whoever's group it was: nobody approves it for being
// that one.
const directoryAsker = "sys:federation"

// Membership is a group of a directory or provider, and the role it stands for.
type Membership struct {
	Source, Group string // where the group is, and its name there
	Role          string // one of [Roles]
	Stores        []string
	AllStores     bool
}

// AskAccountTx asks for an account for a person a directory described. It waits for
// people; there are no roles in it. The fault is Invalid for what no approval could
// make good.
func (a *Access) AskAccountTx(tx *guard.Tx, spec people.Spec) (string, error) {
	s := Spec{Kind: Account, Reason: "a directory describes the person", Person: spec}
	if err := checkAccount(&s); err != nil {
		return "", err
	}
	id, err := a.askTx(tx, s, tx.Actor().ID)
	if err == nil {
		tx.Note("case", id)
	}
	return id, err
}

// askTx keeps a request that waits.
func (a *Access) askTx(tx *guard.Tx, s Spec, asker string) (string, error) {
	q := &Request{ID: strongroom.NewID("req"), State: Open, Spec: s, Asker: asker, Asked: tx.Now(), Ends: tx.Now().Add(RequestLife)}
	if err := a.exists(tx, q); err != nil {
		return "", err
	}
	row, err := a.sealRequest(q)
	if err != nil {
		return "", err
	}
	return q.ID, insertRequest(tx, row)
}

// Outcome says what became of a request: whom it made an account for, if it was
// approved, and whether it still waits.
func (a *Access) Outcome(r *db.Reader, request string) (person string, waits bool, err error) {
	row, err := loadRequest(r, request)
	if err != nil {
		return "", false, err
	}
	q, err := a.openRequest(row)
	if err != nil {
		return "", false, err
	}
	switch {
	case q.State == Approved:
		return q.Spec.Subject, false, nil
	case q.State == Open:
		return "", r.Now().Before(q.Ends), nil
	}
	return "", false, nil
}

// WithdrawTx withdraws a request that waits; any other it leaves alone.
func (a *Access) WithdrawTx(tx *guard.Tx, request string) error {
	row, err := loadRequest(&tx.Reader, request)
	if err != nil {
		return err
	}
	q, err := a.openRequest(row)
	if err != nil || q.State != Open {
		return err
	}
	q.State, q.Decided, q.Decider = Withdrawn, tx.Now(), tx.Actor().ID
	q.blank()
	if row, err = a.sealRequest(q); err != nil {
		return err
	}
	return updateRequest(tx, row)
}

// EnsureTx asks for the role of a membership, unless the person has it, it waits, or
// people refused it less than [AskAgain] ago.
func (a *Access) EnsureTx(tx *guard.Tx, person string, m Membership) error {
	have, err := a.live(&tx.Reader, person, tx.Now())
	if err != nil || slices.ContainsFunc(have, func(g *Grant) bool { return g.Role == m.Role }) {
		return err
	}
	before, _, err := a.asked(&tx.Reader, person, m)
	if err != nil {
		return err
	}
	for _, q := range before {
		if q.State == Open && tx.Now().Before(q.Ends) || q.State == Refused && tx.Now().Before(q.Decided.Add(AskAgain)) {
			return nil
		}
	}
	s := Spec{Kind: Role, Reason: a.reason(m), Subject: person, Roles: []string{m.Role}, Stores: m.Stores, AllStores: m.AllStores}
	if err := checkRoles(&s); err != nil {
		return err
	}
	_, err = a.askTx(tx, s, directoryAsker)
	return err
}

// RetractTx takes back what a membership gave a person or asked for. What was given
// otherwise stays, and so does the role of the last owner. A request of a directory
// that does not open could be of any group: what it gave is taken back.
func (a *Access) RetractTx(tx *guard.Tx, person string, m Membership) error {
	before, damaged, err := a.asked(&tx.Reader, person, m)
	if err != nil || len(before)+len(damaged) == 0 {
		return err
	}
	grants, err := notEndedOf(&tx.Reader, person)
	if err != nil {
		return err
	}
	cases := damaged
	for _, q := range before {
		if cases = append(cases, q.ID); q.State != Open {
			continue
		}
		if err := a.WithdrawTx(tx, q.ID); err != nil {
			return err
		}
	}
	for _, row := range grants {
		g, err := a.openGrant(row)
		if err != nil || !slices.Contains(cases, g.Request) {
			continue // one that does not open gives no right
		}
		if err := a.end(tx, g, false); err != nil && !strongroom.IsKind(err, strongroom.Conflict) {
			return err
		}
	}
	return nil
}

// asked returns what a membership asked for a person, whatever became of it, and the
// ids of what directories asked that does not open any more.
func (a *Access) asked(r *db.Reader, person string, m Membership) (out []*Request, damaged []string, err error) {
	why, cursor := a.reason(m), ""
	for {
		rows, err := listRequests(r, Query{Own: true, Cursor: cursor, Limit: step}, person)
		if err != nil || len(rows) == 0 {
			return out, damaged, err
		}
		for _, row := range rows {
			cursor = row.id
			if row.asker != directoryAsker {
				continue
			}
			switch q, err := a.openRequest(row); {
			case err != nil:
				damaged = append(damaged, row.id)
			case q.Spec.Reason == why && slices.Equal(q.Spec.Roles, []string{m.Role}):
				out = append(out, q)
			}
		}
	}
}

// reason is why a membership asks: the group by its name, or by a keyed hash where
// that looks personal or has no end.
func (a *Access) reason(m Membership) string {
	if s := "member of " + m.Group + " at " + m.Source; checkReason("reason", s, 3) == nil {
		return s
	}
	d := a.seal.MAC([]byte("group"), []byte(m.Source), []byte(m.Group))
	return "member of a group at " + m.Source + ", " + hex.EncodeToString(d[:8])
}
