package guardtest_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/guard/guardtest"
)

const (
	insertRow = "insert into x_row (id, body) values ($1, $2)"
	allRows   = "select id, body from x_row order by id"
)

func schema() db.Schema {
	return db.Schema{Package: "x", FS: fstest.MapFS{
		"schema/0001_init.sqlite.sql":   {Data: []byte("create table x_row (id text primary key, body blob not null) strict")},
		"schema/0001_init.postgres.sql": {Data: []byte("create table x_row (id text primary key, body bytea not null)")},
	}}
}

var approval = strongroom.Action{Name: "request.approve", Class: 3001, Activity: 99}

func TestGround(t *testing.T) {
	clock := new(strongroom.Clock)
	clock.SetOffset(48 * time.Hour)
	x := guardtest.Open(t, clock, schema())
	g := x.Start(t, strongroom.Test, guard.Options{})
	request := strongroom.NewID("req")
	write := func(who strongroom.Actor) error {
		return g.Do(t.Context(), who, func(_ context.Context, tx *guard.Tx) error {
			if time.Until(tx.Now()) < 47*time.Hour {
				t.Error("the clock is another")
			}
			if err := tx.Allow(approval, strongroom.Resource{Type: "Request", ID: request}, guard.Context{}); err != nil {
				return err
			}
			_, err := tx.Exec(insertRow, who.ID, []byte("planted"))
			return err
		})
	}
	owner := guardtest.Person("", time.Now(), authz.Owner)
	if err := write(owner); err != nil {
		t.Fatal(err)
	}
	if err := write(guardtest.Person("", time.Now())); guardtest.Code(err) == "" || !strongroom.IsKind(err, strongroom.Denied) {
		t.Errorf("somebody without a role: %v", err)
	}
	if es := x.Events(t); len(es) < 2 || es[len(es)-2].Actor.ID != owner.ID || es[len(es)-2].Action.Name != approval.Name {
		t.Errorf("the log has %d events", len(es))
	}
	if es := x.Events(t, approval.Name); len(es) != 2 || len(x.Events(t, "request.refuse")) != 0 {
		t.Errorf("%d events are approvals", len(es))
	}
	// Planted: a value that is written is found, in the rows on both engines, and the
	// name of the action in the log.
	all := x.Disk(t, func(r *db.Reader, put func(*db.Rows, error)) { put(r.Query(allRows)) })
	for _, want := range []string{"planted", owner.ID, approval.Name} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("%s is not found", want)
		}
	}
	if bytes.Contains(all, []byte("never written")) || !bytes.Contains(x.Disk(t, nil), []byte(approval.Name)) {
		t.Error("what is read is not what is at rest")
	}
}

func TestCode(t *testing.T) {
	f := strongroom.Faultf(strongroom.Invalid, "name", "no")
	for want, err := range map[string]error{"": nil, "internal": errors.New("x"), "name": f} {
		if got := guardtest.Code(err); got != want {
			t.Errorf("%v is %q", err, got)
		}
	}
	if got := guardtest.Code(errors.Join(errors.New("x"), f)); got != "name" {
		t.Errorf("a fault inside is %q", got)
	}
}

// failed is a test that notes whether it failed.
type failed struct {
	testing.TB
	yes bool
}

func (f *failed) Helper()               {}
func (f *failed) Errorf(string, ...any) { f.yes = true }

func TestWant(t *testing.T) {
	fault := strongroom.Faultf(strongroom.Invalid, "name", "no")
	for _, c := range []struct {
		err  error
		kind strongroom.Kind
		code string
		good bool
	}{
		{fault, strongroom.Invalid, "name", true}, {fault, strongroom.Invalid, "", true},
		{fault, strongroom.Invalid, "other", false}, {fault, strongroom.Denied, "name", false},
		{nil, strongroom.Invalid, "", false}, {errors.New("x"), strongroom.Internal, "", false},
	} {
		f := &failed{TB: t}
		if guardtest.Want(f, "it", c.err, c.kind, c.code); f.yes == c.good {
			t.Errorf("%v for %v %q: failed is %v", c.err, c.kind, c.code, f.yes)
		}
	}
}
