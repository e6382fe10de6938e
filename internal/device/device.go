package device

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Numbers that are ours.
const (
	// CodeLife is how long the code of a new device is good, by the data clock.
	CodeLife = 24 * time.Hour
	// Life is how long a device stays in the register unless it is enrolled for less.
	Life = 365 * 24 * time.Hour
	// Skew is how far the time of a signed proof may be off real time.
	Skew = time.Minute
	// maxDevices is how many living devices a person may have.
	maxDevices = 20
)

// Posture is what a device counts as.
type Posture string

// The postures. Unknown is that of a call that proves no device of the register.
const (
	Managed   Posture = "managed"
	Unmanaged Posture = "unmanaged"
	Unknown   Posture = "unknown"
)

// Kinds lists the kinds of devices.
func Kinds() []string { return []string{"laptop", "desktop", "phone", "tablet", "server", "virtual"} }

// Options configure a [Devices]. Guard, Environment and Key are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key seal.Key
	// Real is real time, for certificates and signed proofs; nil is the machine's.
	Real *strongroom.Clock
	// Person returns nil for a person who may have a device, else a fault. nil takes
	// every id of a person.
	Person func(r *db.Reader, id string) error
	Log    *slog.Logger // operational log; nil discards
}

// Devices is the register. Make it with [New]; it is safe for concurrent use.
type Devices struct {
	o    Options
	mac  seal.Key
	seal seal.Key
}

// New returns a register. It panics where the guard or the key is missing: that is
// a mistake of the program.
func New(o Options) *Devices {
	if o.Guard == nil || o.Key.IsZero() {
		panic("device: guard and key are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("device: environment is required")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.Person == nil {
		o.Person = func(*db.Reader, string) error { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	env := []byte(o.Environment)
	return &Devices{o: o, mac: o.Key.Derive("device mac", env), seal: o.Key.Derive("device seal", env)}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "device", FS: schema} }

// Spec says what a new device is.
type Spec struct {
	// Label tells devices apart for people, such as the number on the sticker. Its
	// grammar is that of names; personal data in it is refused.
	Label   string
	Kind    string    // one of [Kinds]
	Owner   string    // the person who uses it
	Posture Posture   // managed or unmanaged
	Expires time.Time // zero is [Life] from now, which is also the longest
}

// Device is a device of the register.
type Device struct {
	ID       string // "dev_…"
	Label    string
	Kind     string
	Owner    string
	Posture  Posture
	Proof    string // certificate or key; empty until it has brought one
	By       string // the account that enrolled it
	Enrolled time.Time
	Proved   time.Time // when it brought its key; zero if not yet
	Expires  time.Time
	Revoked  time.Time
	// Damaged says that the row was changed behind the product's back: it proves
	// nothing, and nothing else is known but the id.
	Damaged bool
}

// Ways to prove a device.
const (
	byCertificate = "certificate"
	byKey         = "key"
)

// details is what is sealed.
type details struct {
	Label   string  `json:"l"`
	Kind    string  `json:"k"`
	Posture Posture `json:"p"`
	By      string  `json:"b"`
	Key     []byte  `json:"x,omitempty"` // the public key, in PKIX form
}

func (d *Devices) bind(r deviceRow) []byte {
	return seal.AD("device_device", string(d.o.Environment), r.id, r.owner, r.proof, r.key, r.enrolled, r.proved, r.expires, r.revoked)
}

func (d *Devices) sealRow(r deviceRow, x details) (deviceRow, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return r, err
	}
	r.sealed = d.seal.Seal(nil, d.bind(r), text)
	return r, nil
}

func (d *Devices) open(r deviceRow) (Device, details, error) {
	text, err := d.seal.Open(nil, d.bind(r), r.sealed)
	var x details
	if err == nil {
		err = json.Unmarshal(text, &x)
	}
	if err != nil {
		return Device{}, x, strongroom.Faultf(strongroom.Internal, "device-sealed", "the device %s does not open", r.id).
			Advise("its row was changed, or the keyring is another's")
	}
	return Device{
		ID: r.id, Label: x.Label, Kind: x.Kind, Owner: r.owner, Posture: x.Posture, Proof: r.proof, By: x.By,
		Enrolled: db.TimeOrZero(r.enrolled), Proved: db.TimeOrZero(r.proved), Expires: db.TimeOrZero(r.expires), Revoked: db.TimeOrZero(r.revoked),
	}, x, nil
}

// Add enters a device for a person and returns the code by which it brings its
// key. The code is in the answer and nowhere else.
func (d *Devices) Add(ctx context.Context, who strongroom.Actor, spec Spec) (Device, Code, error) {
	code := newCode(d.o.Environment)
	var out Device
	err := d.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		row := deviceRow{id: strongroom.NewID("dev"), owner: spec.Owner, enrolled: db.Micros(tx.Now()), expires: db.MicrosOrZero(spec.Expires)}
		if err := tx.Allow(deviceEnrol, resource(row.id, who, spec.Owner), guard.Context{}); err != nil {
			return err
		}
		if err := d.check(tx, spec); err != nil {
			return err
		}
		if spec.Expires.IsZero() {
			row.expires = db.Micros(tx.Now().Add(Life))
		}
		row, err := d.sealRow(row, details{Label: spec.Label, Kind: spec.Kind, Posture: spec.Posture, By: who.ID})
		if err != nil {
			return err
		}
		tx.Note("account", spec.Owner)
		if err := insertDevice(tx, row); err != nil {
			return err
		}
		if out, _, err = d.open(row); err != nil {
			return err
		}
		return insertCode(tx, d.digest(code.Reveal()), row.id, db.Micros(tx.Now().Add(CodeLife)))
	})
	if err != nil {
		return Device{}, Code{}, err
	}
	return out, code, nil
}

// check refuses what no policy could make good.
func (d *Devices) check(tx *guard.Tx, s Spec) error {
	if err := strongroom.CheckName("label", s.Label); err != nil {
		return err
	}
	if _, found := classify.Has([]byte(s.Label)); found {
		return strongroom.Faultf(strongroom.Invalid, "label", "the label looks like personal data").Advise("use the number of the device")
	}
	switch {
	case !slices.Contains(Kinds(), s.Kind):
		return strongroom.Faultf(strongroom.Invalid, "kind", "the kind must be one of %v", Kinds())
	case s.Posture != Managed && s.Posture != Unmanaged:
		return strongroom.Faultf(strongroom.Invalid, "posture", "the posture must be managed or unmanaged")
	case !strongroom.IsID("usr", s.Owner):
		return strongroom.Faultf(strongroom.Invalid, "owner", "a device belongs to a person")
	case !s.Expires.IsZero() && (!s.Expires.After(tx.Now()) || s.Expires.After(tx.Now().Add(Life))):
		return strongroom.Faultf(strongroom.Invalid, "expires", "a device is enrolled for at most %d days", int(Life.Hours()/24))
	}
	if err := d.o.Person(&tx.Reader, s.Owner); err != nil {
		return err
	}
	rows, err := devicesOf(&tx.Reader, s.Owner)
	alive := 0
	for _, r := range rows {
		if r.revoked == 0 && tx.Now().Before(db.TimeOrZero(r.expires)) {
			alive++
		}
	}
	if err == nil && alive >= maxDevices {
		err = strongroom.Faultf(strongroom.Conflict, "device-many", "a person has at most %d devices", maxDevices).Advise("revoke one")
	}
	return err
}

// List returns up to limit devices in order of their ids, those after cursor: the
// own of owner, or with the right to see others all, where owner is empty.
func (d *Devices) List(ctx context.Context, who strongroom.Actor, owner, cursor string, limit int) (out []Device, next string, err error) {
	if limit <= 0 || limit > 1000 {
		limit = 100
	}
	if owner != "" && !strongroom.IsID("usr", owner) || cursor != "" && !strongroom.IsID("dev", cursor) {
		err = strongroom.Faultf(strongroom.Invalid, "cursor", "the cursor or the owner is none of ours")
		owner, cursor = "", ""
	}
	bad := err
	err = d.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		r := strongroom.Resource{Type: "Instance", ID: "instance", Attrs: map[string]any{"own": owner != "" && owner == who.ID}}
		if denied := v.Allow(deviceList, r, guard.Context{}); denied != nil {
			return denied
		}
		if bad != nil {
			return bad
		}
		rows, err := listDevices(&v.Reader, owner, cursor, limit+1)
		if err != nil {
			return err
		}
		if len(rows) > limit {
			rows = rows[:limit]
			next = rows[limit-1].id
		}
		for _, row := range rows {
			x, _, err := d.open(row)
			if err != nil {
				x = Device{ID: row.id, Damaged: true}
			}
			out = append(out, x)
		}
		v.Note("count", len(out))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// Revoke takes a device out of the register for good. Revoking it again changes
// nothing.
func (d *Devices) Revoke(ctx context.Context, who strongroom.Actor, id string) error {
	return d.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		row, err := deviceRow{}, error(noDevice())
		if strongroom.IsID("dev", id) {
			row, err = loadDevice(&tx.Reader, id)
		} else {
			id = ""
		}
		if denied := tx.Allow(deviceRevoke, resource(id, who, row.owner), guard.Context{}); denied != nil {
			return denied
		}
		if strongroom.IsKind(err, strongroom.NotFound) {
			return noDevice()
		}
		if err != nil {
			return err
		}
		return d.revoke(tx, row)
	})
}

// revoke takes a device out. A damaged one goes as well, with what is not known.
func (d *Devices) revoke(tx *guard.Tx, row deviceRow) error {
	_, x, err := d.open(row)
	if err == nil && row.revoked > 0 {
		return nil
	}
	row.revoked = db.Micros(tx.Now())
	tx.Ends(row.owner) // a call under way may have been let in for it
	if row, err = d.sealRow(row, x); err != nil {
		return err
	}
	if err := deleteCodes(tx, row.id); err != nil {
		return err
	}
	return updateDevice(tx, row)
}

// EndTx revokes the devices of a person inside the transaction that ends the
// account.
func (d *Devices) EndTx(tx *guard.Tx, person string) error {
	rows, err := devicesOf(&tx.Reader, person)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := d.revoke(tx, r); err != nil {
			return err
		}
	}
	return nil
}

// HasLive reports whether a person has a device that is not revoked and not over: a way
// in that a proof of the end must find closed (DPP 2.2.12).
func (d *Devices) HasLive(r *db.Reader, person string, now time.Time) (bool, error) {
	rows, err := devicesOf(r, person)
	return slices.ContainsFunc(rows, func(x deviceRow) bool { return x.revoked == 0 && x.expires > db.Micros(now) }), err
}

// resource describes a device to the policies.
func resource(id string, who strongroom.Actor, owner string) strongroom.Resource {
	r := strongroom.Resource{Type: "Device", ID: id, Attrs: map[string]any{"own": owner != "" && who.ID == owner}}
	if id == "" {
		r.Type, r.ID = "Instance", "instance"
	}
	return r
}

func noDevice() *strongroom.Fault {
	return strongroom.Faultf(strongroom.NotFound, "device", "there is no such device")
}
