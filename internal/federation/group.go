package federation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Group is a group as a directory describes it.
type Group struct {
	ID                string // "scg_…"
	DisplayName       string // unique to the letter
	ExternalID        string
	Members           []string // ids of users, sorted
	Created, Modified time.Time
	Version           int64
}

// maxMembers is how many members a group may have.
const maxMembers = 5000

type groupDetails struct {
	DisplayName string `json:"d"`
	ExternalID  string `json:"x,omitempty"`
}

func (f *Federation) groupMark(name string) []byte { return f.mark("group name", name) }

func (f *Federation) bindGroup(r groupRow) []byte {
	return f.ad("federation_group", r.id, r.created, r.changed, r.version)
}

func (f *Federation) groupRow(g Group) (groupRow, error) {
	r := groupRow{id: g.ID, nameMark: f.groupMark(g.DisplayName), created: db.MicrosOrZero(g.Created), changed: db.MicrosOrZero(g.Modified), version: g.Version}
	text, err := json.Marshal(groupDetails{g.DisplayName, g.ExternalID})
	if err != nil {
		return r, err
	}
	r.sealed = f.seal.Seal(nil, f.bindGroup(r), text)
	return r, nil
}

func (f *Federation) openGroup(r groupRow) (Group, error) {
	text, err := f.seal.Open(nil, f.bindGroup(r), r.sealed)
	var d groupDetails
	if err != nil || json.Unmarshal(text, &d) != nil {
		return Group{}, damaged(r.id)
	}
	return Group{ID: r.id, DisplayName: d.DisplayName, ExternalID: d.ExternalID, Created: db.TimeOrZero(r.created), Modified: db.TimeOrZero(r.changed), Version: r.version}, nil
}

func (g *Group) check() error {
	if strings.TrimSpace(g.DisplayName) == "" || len(g.DisplayName) > maxText || len(g.ExternalID) > maxText {
		return strongroom.Faultf(strongroom.Invalid, "group", "a group needs a displayName of at most 512 bytes")
	}
	slices.Sort(g.Members)
	g.Members = slices.Compact(g.Members)
	if len(g.Members) > maxMembers {
		return strongroom.Faultf(strongroom.TooLarge, "group", "a group has at most %d members", maxMembers)
	}
	return nil
}

func noGroup() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "group", "there is no such group")
}

// groupEntry describes a group to the policies. It belongs to the directory.
func groupEntry(id string) strongroom.Resource {
	if !strongroom.IsID("scg", id) {
		return instance()
	}
	return strongroom.Resource{Type: "Account", ID: id, Attrs: map[string]any{"kind": "group"}}
}

// CreateGroup keeps a group and gives its members what mappings say.
func (f *Federation) CreateGroup(ctx context.Context, who strongroom.Actor, g Group) (Group, error) {
	g.ID, g.Version = strongroom.NewID("scg"), 1
	err := f.provision(ctx, who, groupEntry(g.ID), func(tx *guard.Tx) error {
		if err := g.check(); err != nil {
			return err
		}
		if err := f.freeName(&tx.Reader, g); err != nil {
			return err
		}
		g.Created, g.Modified = tx.Now(), tx.Now()
		row, err := f.groupRow(g)
		if err != nil {
			return err
		}
		if err := insertGroup(tx, row); err != nil {
			return err
		}
		return f.remember(tx, g.ID, nil, g.Members)
	})
	if err != nil {
		return Group{}, err
	}
	return g, nil
}

func (f *Federation) freeName(r *db.Reader, g Group) error {
	other, err := findGroup(r, f.groupMark(g.DisplayName))
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && other.id == g.ID {
		return nil
	}
	return or(err, strongroom.Faultf(strongroom.Conflict, "uniqueness", "there is a group with that displayName already"))
}

// remember makes the members of a group those of after, and settles the rights of
// who came and who went.
func (f *Federation) remember(tx *guard.Tx, group string, before, after []string) error {
	was, is := setOf(before), setOf(after)
	var touched []string
	for _, m := range after {
		if was[m] {
			continue
		}
		if _, err := f.loadUser(&tx.Reader, m); err != nil {
			if strongroom.IsKind(err, strongroom.NotFound) {
				err = strongroom.Faultf(strongroom.Invalid, "member", "a member of the group is no user here")
			}
			return err
		}
		if err := insertMember(tx, group, m); err != nil {
			return err
		}
		touched = append(touched, m)
	}
	for _, m := range before {
		if !is[m] {
			if err := dropMember(tx, group, m); err != nil {
				return err
			}
			touched = append(touched, m)
		}
	}
	tx.Note("count", len(touched))
	return f.settleUsers(tx, touched)
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// settleUsers gives and takes what groups give users who have an account.
func (f *Federation) settleUsers(tx *guard.Tx, ids []string) error {
	for _, id := range ids {
		u, err := f.loadUser(&tx.Reader, id)
		if strongroom.IsKind(err, strongroom.NotFound) {
			continue // forgotten in this very transaction
		}
		if err != nil {
			return err
		}
		if err := f.settleUser(tx, u); err != nil {
			return err
		}
	}
	return nil
}

// settleUser gives and takes what the groups of the directory give a user.
func (f *Federation) settleUser(tx *guard.Tx, u User) error {
	if u.Person == "" || !u.Active {
		return nil
	}
	if err := f.o.People.Exists(&tx.Reader, u.Person); err != nil {
		if strongroom.IsKind(err, strongroom.NotFound) {
			return nil // the account has ended: there is nobody to give anything to
		}
		return err
	}
	in, err := f.groupsOf(&tx.Reader, u.ID)
	if err != nil {
		return err
	}
	var names []string
	for _, g := range in {
		names = append(names, g.Name)
	}
	return f.settle(tx, SCIM, u.Person, names)
}

// groupsOf returns the groups a user is in.
func (f *Federation) groupsOf(r *db.Reader, user string) (out []Membership, err error) {
	rows, err := groupsOf(r, user)
	for _, row := range rows {
		g, err := f.openGroup(row)
		if err != nil {
			return nil, err
		}
		out = append(out, Membership{g.ID, g.DisplayName})
	}
	return out, err
}

func (f *Federation) loadGroup(r *db.Reader, id string, members bool) (Group, error) {
	if !strongroom.IsID("scg", id) {
		return Group{}, noGroup()
	}
	row, err := loadGroup(r, id)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return Group{}, noGroup()
	}
	if err != nil {
		return Group{}, err
	}
	g, err := f.openGroup(row)
	if err == nil && members {
		g.Members, err = membersOf(r, id)
	}
	return g, err
}

// Group returns a group, with its members if they are wanted.
func (f *Federation) Group(ctx context.Context, who strongroom.Actor, id string, members bool) (g Group, err error) {
	err = f.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personProvision, groupEntry(id), guard.Context{}); err != nil {
			return err
		}
		g, err = f.loadGroup(&v.Reader, id, members)
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return g, nil
}

// Groups returns a page of groups in the order they were made, and how many there
// are in all.
func (f *Federation) Groups(ctx context.Context, who strongroom.Actor, q Query, members bool) (out []Group, total int, err error) {
	err = f.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		if err := v.Allow(personProvision, instance(), guard.Context{}); err != nil {
			return err
		}
		rows, err := allGroups(&v.Reader)
		if err != nil {
			return err
		}
		for _, r := range rows {
			g, err := f.openGroup(r)
			if err != nil {
				return err
			}
			if q.ByMember {
				if g.Members, err = membersOf(&v.Reader, g.ID); err != nil {
					return err
				}
			}
			if q.MatchGroup != nil && !q.MatchGroup(g) {
				continue
			}
			if total++; q.holds(total) {
				out = append(out, g)
			}
		}
		for i := range out {
			if out[i].Members = nil; members {
				if out[i].Members, err = membersOf(&v.Reader, out[i].ID); err != nil {
					return err
				}
			}
		}
		v.Note("count", len(out))
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return out, total, nil
}

// ChangeGroup loads a group, has change made to it, keeps what came of it, and
// settles the rights of all it touches. A version that is not zero must be the
// newest.
func (f *Federation) ChangeGroup(ctx context.Context, who strongroom.Actor, id string, version int64, change func(*Group) error) (Group, error) {
	var g Group
	err := f.provision(ctx, who, groupEntry(id), func(tx *guard.Tx) error {
		before, err := f.loadGroup(&tx.Reader, id, true)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return strongroom.Faultf(strongroom.Conflict, "version", "the entry was changed meanwhile").Advise("load it again")
		}
		g = before
		g.Members = slices.Clone(before.Members)
		if err := change(&g); err != nil {
			return err
		}
		g.ID, g.Created = before.ID, before.Created
		if err := g.check(); err != nil {
			return err
		}
		if err := f.freeName(&tx.Reader, g); err != nil {
			return err
		}
		g.Modified, g.Version = tx.Now(), before.Version+1
		row, err := f.groupRow(g)
		if err != nil {
			return err
		}
		if err := updateGroup(tx, row); err != nil {
			return err
		}
		if err := f.remember(tx, id, before.Members, g.Members); err != nil {
			return err
		}
		if g.DisplayName == before.DisplayName {
			return nil
		}
		return f.settleUsers(tx, g.Members) // another name may give something else
	})
	if err != nil {
		return Group{}, err
	}
	return g, nil
}

// DeleteGroup forgets a group and takes back what it gave.
func (f *Federation) DeleteGroup(ctx context.Context, who strongroom.Actor, id string) error {
	return f.provision(ctx, who, groupEntry(id), func(tx *guard.Tx) error {
		g, err := f.loadGroup(&tx.Reader, id, true)
		if err != nil {
			return err
		}
		if err := dropGroup(tx, id); err != nil {
			return err
		}
		return f.remember(tx, id, g.Members, nil)
	})
}
