package keys

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"strongroom"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Options configure Keys.
type Options struct {
	// Ledger is the file of erased and expired record ids. It lies outside the
	// database and outside what is backed up with it. Made if it is missing.
	Ledger string
	// ReaderGrace is how long the roll waits after its last row before it
	// destroys an old epoch key, so that whoever loaded a wrap before can finish
	// opening it. 0 is two seconds; negative is none.
	ReaderGrace time.Duration
	// MayDestroy are asked before an old epoch key is destroyed; an error from
	// one makes the roll wait. Replicas that lag and recovery points that are not
	// written yet object here.
	MayDestroy []func(ctx context.Context, epoch uint32) error
	Log        *slog.Logger // nil discards
}

// Keys is the key service: the keyring and the data keys of all records. It is
// safe for concurrent use.
type Keys struct {
	ring   *Ring
	guard  *guard.Guard
	ledger *ledger
	o      Options
	due    due
	gone   gone

	rolling sync.Mutex // one roll at a time
}

// New returns the key service over an open ring. It panics without ring or
// guard. The ledger is opened and checked; see Replay for what a restored
// instance owes it.
func New(ring *Ring, g *guard.Guard, o Options) (*Keys, error) {
	if ring == nil || g == nil || o.Ledger == "" {
		panic("keys: ring, guard and ledger are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ReaderGrace == 0 {
		o.ReaderGrace = 2 * time.Second
	}
	l, err := openLedger(o.Ledger, ring.Environment(), ring.ID())
	if err != nil {
		return nil, err
	}
	k := &Keys{ring: ring, guard: g, ledger: l, o: o}
	if err := k.recall(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return k, nil
}

// Close lets go of the ledger. The ring is closed by who opened it.
func (k *Keys) Close() error { return k.ledger.close() }

// Ring returns the keyring.
func (k *Keys) Ring() *Ring { return k.ring }

// Environment returns the environment the keys serve.
func (k *Keys) Environment() strongroom.Environment { return k.ring.Environment() }

// EnsureStore is [Ring.EnsureStore].
func (k *Keys) EnsureStore(store string) error { return k.ring.EnsureStore(store) }

// StoreKey is [Ring.StoreKey].
func (k *Keys) StoreKey(store string, use Use) (seal.Key, error) { return k.ring.StoreKey(store, use) }

// IndexKey is [Ring.IndexKey].
func (k *Keys) IndexKey(store string, kind uint8, month string) (seal.Key, error) {
	return k.ring.IndexKey(store, kind, month)
}

// LivePeriods is [Ring.LivePeriods].
func (k *Keys) LivePeriods(store string) []string { return k.ring.LivePeriods(store) }

// LogKey is [Ring.LogKey].
func (k *Keys) LogKey() (seal.Key, error) { return k.ring.LogKey() }

// Logged returns what stands for a caller's word in the log: its keyed hash of this
// month. what is the kind of word, such as "reference".
func (k *Keys) Logged(what, word string) (h [16]byte, err error) {
	key, err := k.ring.LogKey()
	if err != nil {
		return h, err
	}
	mac := key.MAC([]byte(what), []byte(word))
	return [16]byte(mac[:16]), nil
}

// InstanceKey is [Ring.InstanceKey].
func (k *Keys) InstanceKey(label string) seal.Key { return k.ring.InstanceKey(label) }

// RotateRoot moves the keyring under another root. The event is durable before
// the ring is touched; a failure afterwards is a second event that names it. A
// rotation that was cut short is finished by calling it again: the ring then
// opens with exactly one of the two roots.
func (k *Keys) RotateRoot(ctx context.Context, who strongroom.Actor, next KMS) error {
	r := strongroom.Resource{Type: "Key", ID: "root"}
	return k.decided(ctx, who, actRootRotate, r, nil, func() error { return k.ring.Rewrap(ctx, next) })
}

// DestroyStore destroys the store's keys of the given uses, all of them if none
// is given, and its index keys. Its data keys die with its records. The store
// never gets keys again. Calling it again does what was left undone.
func (k *Keys) DestroyStore(ctx context.Context, who strongroom.Actor, store string, uses ...Use) error {
	r := strongroom.Resource{Type: "Key", ID: store, Store: store}
	note := func(tx *guard.Tx) { tx.Note("all", len(uses) == 0) }
	return k.decided(ctx, who, actDestroy, r, note, func() error { return k.ring.removeStore(ctx, store, uses) })
}

// DropPeriod destroys the store's blind index key of a month, such as
// "2026-11". Until then an older copy of the database allows an equality test.
func (k *Keys) DropPeriod(ctx context.Context, who strongroom.Actor, store, month string) error {
	if _, err := parsePeriod(month); err != nil {
		return err
	}
	r := strongroom.Resource{Type: "Key", ID: store, Store: store}
	return k.decided(ctx, who, actDestroy, r, nil, func() error { return k.ring.removePeriod(ctx, store, month) })
}

// decided asks for the action, and acts outside the database once the event is
// durable. note may be nil.
func (k *Keys) decided(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, note func(*guard.Tx), act func() error) error {
	var receipt *guard.Receipt
	err := k.guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(a, r, guard.Context{}); err != nil {
			return err
		}
		if note != nil {
			note(tx)
		}
		receipt = tx.Receipt()
		return nil
	})
	if err != nil {
		return err
	}
	if err := act(); err != nil {
		index, _ := receipt.Index()
		if ferr := k.guard.Failed(ctx, who, a, r, faultCode(err), index); ferr != nil {
			k.o.Log.ErrorContext(ctx, "a failure could not be recorded", "action", a.Name, "kind", strongroom.KindOf(ferr).String())
		}
		return err
	}
	return nil
}

// due is a lower bound of the earliest erase-by date in the table, in Unix
// microseconds, so that a sweep with nothing to do costs nothing and writes no
// event. Transactions run one after another, so only its readers are concurrent.
type due struct {
	bound atomic.Int64 // 0: not known
	fresh int64        // the earliest date put since the table was last asked
}

// put lowers the bound. Doing so before the commit, or for work that is rolled
// back, is harmless.
func (d *due) put(t time.Time) {
	us := t.UnixMicro()
	d.fresh = min(d.fresh, us)
	if us < d.bound.Load() {
		d.bound.Store(us)
	}
}

// earliest returns a date before which no key lies.
func (d *due) earliest() int64 {
	if b := d.bound.Load(); b != 0 {
		return b
	}
	return math.MinInt64
}

// doubt forgets the bound if the table holds an earlier date: somebody changed
// it behind our back. The next sweep looks at everything.
func (d *due) doubt(next int64) {
	if next < d.bound.Load() {
		d.bound.Store(0)
	}
}

// asked forgets what was put before the table was asked.
func (d *due) asked() { d.fresh = math.MaxInt64 }

// settle sets the bound to what the table answered; called after the commit.
func (d *due) settle(next int64) {
	d.bound.Store(min(next, d.fresh))
}

// nothing reports whether no key can have reached its date.
func (d *due) nothing(now time.Time) bool {
	b := d.bound.Load()
	return b != 0 && now.UnixMicro() < b
}
