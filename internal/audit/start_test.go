package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

// refused asserts that err is the typed error with its advice.
func refused(t *testing.T, err error) *audit.ContinuityError {
	t.Helper()
	var c *audit.ContinuityError
	if !errors.As(err, &c) || !strongroom.IsKind(err, strongroom.Conflict) {
		t.Fatalf("got %v, want a continuity error", err)
	}
	if !strings.Contains(err.Error(), "strongroom log continue") {
		t.Errorf("no advice in: %v", err)
	}
	return c
}

// damage is what can befall a database of 600 sealed events.
var damages = []struct {
	name string
	do   func(t *testing.T, f *fixture)
}{
	{"newest events cut", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`delete from audit_event where position >= 590`)
			return err
		})
	}},
	{"head rolled back", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			var tree tlog.Frontier
			for _, e := range all(t, f.Log)[:500] {
				tree.Append(e.Hash())
			}
			if _, err := tx.Exec(`delete from audit_event where position >= 500`); err != nil {
				return err
			}
			_, err := tx.Exec(`update audit_head set size = 500, frontier = $1`, tree.Marshal())
			return err
		})
	}},
	{"an old event edited", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`update audit_event set leaf = $1 where position = 3`, []byte(golden))
			return err
		})
	}},
	{"a new event edited", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`update audit_event set leaf = $1 where position = 599`, []byte(golden))
			return err
		})
	}},
	{"an event dropped", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`delete from audit_event where position = 300`)
			return err
		})
	}},
	{"an event behind the head", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`insert into audit_event (position, leaf) values (700, $1)`, []byte(golden))
			return err
		})
	}},
	{"a tile edited", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`update audit_tile set data = $1 where level = 0 and n = 1`, make([]byte, 8192))
			return err
		})
	}},
	{"an upper tile dropped", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`delete from audit_tile where level = 1`)
			return err
		})
	}},
	{"the head damaged", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			_, err := tx.Exec(`update audit_head set frontier = $1`, []byte{1, 2})
			return err
		})
	}},
	{"the log emptied", func(t *testing.T, f *fixture) {
		f.sabotage(t, func(tx *db.Tx) error {
			for _, drop := range []func() (int64, error){
				func() (int64, error) { return tx.Exec(`delete from audit_event`) },
				func() (int64, error) { return tx.Exec(`delete from audit_tile`) },
				func() (int64, error) { return tx.Exec(`delete from audit_log`) },
				func() (int64, error) { return tx.Exec(`delete from audit_checkpoint`) },
				func() (int64, error) {
					return tx.Exec(`update audit_head set log = 0, size = 0, frontier = $1, newest = 0`, []byte{})
				},
			} {
				if _, err := drop(); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"the checkpoint outside removed", func(t *testing.T, f *fixture) {
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
	}},
	{"the checkpoint outside damaged", func(t *testing.T, f *fixture) {
		b, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-5] ^= 1
		if err := os.WriteFile(f.path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}},
	{"the checkpoint of another log", func(t *testing.T, f *fixture) {
		g := startedLog(t, db.SQLite)
		g.add(t, 20)
		if _, _, err := g.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(g.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}},
}

// Obligation 3.6.6: tampering is seen through the whole life of the log.
func TestObligation_3_6_6_StartRefusesWhatDoesNotContinue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, engine db.Engine) {
		for _, d := range damages {
			t.Run(d.name, func(t *testing.T) {
				f := startedLog(t, engine)
				f.add(t, 600)
				if _, _, err := f.Seal(ctx); err != nil {
					t.Fatal(err)
				}
				if err := f.reopen(t).Start(ctx); err != nil {
					t.Fatalf("the undamaged log is refused: %v", err)
				}
				d.do(t, f)
				l := f.reopen(t)
				refused(t, l.Start(ctx))
				f.Log = l
				if err := f.tryAdd(1); !strongroom.IsKind(err, strongroom.Unavailable) {
					t.Errorf("an event after a refused start: %v", err)
				}
				continued(t, f)
			})
		}
	})
}

// continued goes past the damage the only way there is and makes sure that the
// break is seen everywhere.
func continued(t *testing.T, f *fixture) {
	t.Helper()
	l := f.reopen(t)
	if err := l.Continue(ctx, "damage", personID); err != nil {
		t.Fatalf("continue: %v", err)
	}
	f.Log = l
	f.add(t, 300)
	if _, err := l.Check(ctx); err != nil {
		t.Errorf("the new log does not check: %v", err)
	}
	if err := f.reopen(t).Start(ctx); err != nil {
		t.Errorf("the new log does not start: %v", err)
	}

	var breaks []audit.Break
	for _, e := range all(t, l) {
		if ev, err := e.Event(); err == nil && ev.Break != nil {
			breaks = append(breaks, *ev.Break)
			if ev.Actor.ID != personID || e.LogNumber() != 1 || e.Index() != 0 {
				t.Errorf("the break is by %s in log %d at %d", ev.Actor.ID, e.LogNumber(), e.Index())
			}
		}
	}
	report, err := audit.Verify(bytes.NewReader(f.export(t)), verifierText(t), nil)
	if err != nil {
		t.Fatalf("the export does not verify: %v", err)
	}
	if len(breaks) != 1 || len(report.Breaks) != 1 || report.Breaks[0] != breaks[0] || report.Logs != 2 {
		t.Errorf("events tell of %d breaks, the export of %d", len(breaks), len(report.Breaks))
	}
}

func TestContinueCountsWhatWasLost(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 600)
	if _, _, err := f.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	lost, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	damages[1].do(t, f) // rolled back to 500
	l := f.reopen(t)
	c := refused(t, l.Start(ctx))
	if c.Lost.Size != 600 || c.Found != 500 {
		t.Errorf("the error tells of %d and %d events, want 600 and 500", c.Lost.Size, c.Found)
	}
	for name, err := range map[string]error{
		"reason":  l.Continue(ctx, "because Jane said so", personID),
		"account": l.Continue(ctx, "restore", "jane.doe@example.com"),
	} {
		if !strongroom.IsKind(err, strongroom.Invalid) || strings.Contains(err.Error(), "ane") {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	for i := int64(1); i <= 2; i++ { // a second break on top
		if err := l.Continue(ctx, "restore", personID); err != nil {
			t.Fatal(err)
		}
	}
	f.Log = l
	report, err := audit.Verify(bytes.NewReader(f.export(t)), verifierText(t), lost)
	if err != nil {
		t.Fatal(err)
	}
	b := report.Breaks[0]
	if len(report.Breaks) != 2 || b.LostEvents() != 100 || b.Reason != "restore" || b.Lost.Origin != origin || b.Found.Size != 500 {
		t.Errorf("the report tells of %+v", report.Breaks)
	}
	aside, err := filepath.Glob(f.path + ".lost-*")
	if err != nil || len(aside) != 2 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	if got, _ := os.ReadFile(f.path + ".lost-1"); !bytes.Equal(got, lost) {
		t.Error("the lost checkpoint was not kept as it was")
	}
	if _, err := l.Inclusion(ctx, 3); !strongroom.IsKind(err, strongroom.NotFound) {
		t.Errorf("a proof from the old log: %v, want not found with advice", err)
	}
}

func TestRunningProcessSeesContinuation(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	f.add(t, 3)
	if err := f.reopen(t).Continue(ctx, "failover", personID); err != nil {
		t.Fatal(err)
	}
	if err := f.tryAdd(1); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("an event in a log that was continued elsewhere: %v", err)
	}
	if _, _, err := f.Seal(ctx); err == nil {
		t.Error("a checkpoint of a log that was continued elsewhere")
	}
}

func TestCheckpointFile(t *testing.T) {
	f := startedLog(t, dbtest.Engine(t))
	info, err := os.Stat(f.path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the checkpoint file: %v, %v", info, err)
	}
	f.add(t, 1)
	if _, _, err := f.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tlog.OpenCheckpoint(b, f.Verifier()); err != nil || c.Size != 1 || c.Origin != origin {
		t.Errorf("the file holds %v, %v", c, err)
	}
	if left, _ := filepath.Glob(f.path + ".*"); len(left) != 0 {
		t.Errorf("left beside it: %v", left)
	}
	// A folder that is gone stops the sealer, not the events, and is told.
	if err := os.RemoveAll(filepath.Dir(f.path)); err != nil {
		t.Fatal(err)
	}
	f.add(t, 2)
	if _, _, err := f.Seal(ctx); !strongroom.IsKind(err, strongroom.Unavailable) {
		t.Errorf("sealing without a folder: %v, want unavailable", err)
	}
	if n, err := f.Sealed(); n != 2 || err == nil {
		t.Errorf("sealed: %d waiting, %v", n, err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, c, err := f.Seal(ctx); err != nil || c.Size != 3 {
		t.Errorf("sealing with the folder back: %v, %v", c, err)
	}
}
