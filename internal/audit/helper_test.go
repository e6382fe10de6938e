package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"path/filepath"
	"testing"
	"time"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/db"
	"strongroom/internal/db/dbtest"
	"strongroom/internal/tlog"
)

// fixture is a log on a database of its own with its checkpoint outside.
type fixture struct {
	*audit.Log
	db     *db.DB
	clock  *strongroom.Clock
	signer *tlog.Signer
	path   string
	serial int // makes each event another one
}

const origin = "strongroom.test/one"

func signer(t testing.TB) *tlog.Signer {
	t.Helper()
	s, err := tlog.NewSigner(origin, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// otherKey is a key that is not the log's.
func otherKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)) }

// newFixture opens a database without starting the log.
func newFixture(t testing.TB, engine db.Engine) *fixture {
	t.Helper()
	clock := new(strongroom.Clock)
	f := &fixture{
		db: dbtest.Open(t, engine, clock, audit.Schema()), clock: clock, signer: signer(t),
		path: filepath.Join(t.TempDir(), "checkpoint"),
	}
	f.Log = f.reopen(t)
	return f
}

// reopen returns the log as a new process sees it.
func (f *fixture) reopen(t testing.TB) *audit.Log {
	t.Helper()
	l, err := audit.New(f.db, audit.Options{Signer: f.signer, CheckpointPath: f.path, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// started is newFixture with the log started.
func startedLog(t testing.TB, engine db.Engine) *fixture {
	t.Helper()
	f := newFixture(t, engine)
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return f
}

var ctx = context.Background()

// An id of each kind.
const (
	serviceID = "svc_01234567890123456789abcdef"
	personID  = "usr_zyxwvtsrqpnmkjhgfedcba9876"
	recordID  = "rec_0a1b2c3d4e5f6g7h8j9k0m1n2p"
	storeID   = "str_aaaaaaaaaabbbbbbbbbbcccccc"
	keyID     = "key_9999999999888888888877777f"
	reference = "0123456789abcdefghjkmnpqrs"
)

// reveal is the typical event.
func reveal() audit.Event {
	return audit.Event{
		Action:    strongroom.Action{Name: "record.reveal", Class: 6005, Activity: 1},
		Actor:     strongroom.Actor{Kind: strongroom.ServiceActor, ID: serviceID, Session: keyID, Door: "http"},
		Resource:  strongroom.Resource{Type: "Record", ID: recordID, Store: storeID},
		Outcome:   audit.Success,
		Purpose:   strongroom.Fulfilment,
		Reference: reference,
		Policies:  []string{"roles/application"},
		Notes:     []audit.Note{{Key: "leaves", Value: 7}, {Key: "classes", Value: []string{"email", "name"}}},
	}
}

// add appends n events in one transaction.
func (f *fixture) add(t testing.TB, n int) {
	t.Helper()
	if err := f.tryAdd(n); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) tryAdd(n int) error {
	return f.db.Update(ctx, func(tx *db.Tx) error {
		b, err := f.Begin(tx)
		if err != nil {
			return err
		}
		for range n {
			e := reveal()
			f.serial++
			e.Notes[0].Value = f.serial
			if _, err := b.Append(e); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}

// sabotage changes the database behind the log's back.
func (f *fixture) sabotage(t testing.TB, change func(tx *db.Tx) error) {
	t.Helper()
	if err := f.db.Update(ctx, change); err != nil {
		t.Fatal(err)
	}
}

// export returns the log's export.
func (f *fixture) export(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Export(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifierText(t testing.TB) string { return signer(t).Verifier().String() }

// at is an instant without meaning.
var at = time.Date(2026, 11, 20, 12, 0, 0, 123_456_000, time.UTC)
