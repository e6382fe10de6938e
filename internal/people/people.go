package people

import (
	"context"
	"embed"
	"log/slog"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/password"
	"strongroom/internal/seal"
)

// Numbers that are ours; no text asks for them.
const (
	// LinkLife is how long an enrolment link is good, by the data clock.
	LinkLife = 72 * time.Hour
	// EnrolmentLife is how long an enrolment may take once its link was opened.
	EnrolmentLife = time.Hour
	// Erasure is how long after the end a person's data are kept.
	Erasure = 30 * 24 * time.Hour
	// TrainingLife is how long a training is current unless the profile says
	// otherwise.
	TrainingLife = 365 * 24 * time.Hour
	// Fresh is how recently two factors must have been shown to change the own
	// password or factors, in real time.
	Fresh = 15 * time.Minute
)

// Hook is called in the commit that changes a person's account; an error keeps
// the change from happening.
type Hook func(tx *guard.Tx, person string) error

// Breached reports whether a password came out in a breach. Where it cannot tell, no
// password is taken.
type Breached func(candidate []byte) (bool, error)

// Options configure a [People]. Guard, Environment and Key are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key seal.Key
	// Profile is how strict passwords are; the zero value is [password.Default].
	Profile password.Profile
	// Cost is what a password's hash costs; its salt is not used. The zero value is
	// that of [seal.NewParams]. Stored hashes of less are made anew at a sign-in.
	Cost seal.Params
	// Words must not be in a password: the organisation's name, the product's.
	Words []string
	// Breached looks for a password among those of breaches; nil knows none.
	Breached Breached
	// Relying is the product as passkeys know it; without it there are none.
	Relying factor.Relying
	// Issuer is the product's name in an authenticator app, "Strongroom" if empty.
	Issuer string
	// Real is real time, for codes and ceremonies; nil is the machine's clock.
	Real *strongroom.Clock
	// TrainingLife is how long a training is current, [TrainingLife] if zero.
	TrainingLife time.Duration
	// Recorder says who may record trainings, [BySelf] if empty.
	Recorder Recorder
	// Proof asks who records the own training for the reference of its completion.
	Proof bool
	// SameHand reports whether one person can act as two accounts; nil compares them.
	SameHand func(r *db.Reader, a, b string) (bool, error)
	// Versions says which version of a training or pledge is the current one; a kind
	// that is missing takes any.
	Versions map[Kind]string
	// Owners returns the persons who hold the owner's rights, active or not. nil
	// knows of none, and then nobody is the last owner.
	Owners func(r *db.Reader, now time.Time) ([]string, error)
	// Roles returns the roles that a person holds or will hold: nobody takes over an
	// account that may do more than they may. nil knows of the owner's alone.
	Roles func(r *db.Reader, person string, now time.Time) ([]string, error)
	// Owned returns the services a person owns: none of them takes the person out, and
	// itself with them. nil knows of none.
	Owned func(r *db.Reader, person string) ([]string, error)
	// Founded runs in the commit that makes the first owner: it grants the rights.
	Founded []Hook
	// Guess counts an attempt at the present password before it is looked at, as
	// sign-ins count theirs; Exhausted refuses it. nil counts none.
	Guess func(ctx context.Context, who strongroom.Actor) (Guess, error)
	// Changed runs in the commit in which a person changes the own password or makes
	// new recovery codes: their other sessions die.
	Changed []Hook
	// Suspended runs in the commit that suspends or resets a person: sessions die.
	Suspended []Hook
	// Barred runs after Suspended in the commit in which a key takes an owner out: their
	// services are suspended.
	Barred []Hook
	// Recorded runs in the commit that records a training or a pledge: the sessions are
	// looked at again.
	Recorded []Hook
	// Recovered runs in the commit in which an only owner is led back in: locks fall.
	Recovered []Hook
	// Ended runs in the commit that ends a person: sessions, keys, grants and open
	// requests die.
	Ended []Hook
	Log   *slog.Logger // operational log; nil discards
}

// People knows the persons of an instance. Make it with [New]; it is safe for
// concurrent use.
type People struct {
	o    Options
	mac  seal.Key // hashes of addresses, links, codes; proofs of rows
	wrap seal.Key // wraps the keys of persons
	rest seal.Key // seals what is left of an erased person
	slow chan struct{}
}

// New returns a People. It panics where the guard, the key or a password profile
// as the policy wants it is missing: that is a mistake of the program.
func New(o Options) *People {
	if o.Guard == nil || o.Key.IsZero() {
		panic("people: guard and key are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("people: environment is required")
	}
	if o.Profile == (password.Profile{}) {
		o.Profile = password.Default()
	}
	if err := o.Profile.Check(); err != nil {
		panic("people: " + err.Error())
	}
	fresh := seal.NewParams()
	if o.Cost.Memory == 0 {
		o.Cost = fresh
	}
	o.Cost.Salt = fresh.Salt
	if o.Cost.Check() != nil {
		panic("people: the cost of a password is out of bounds")
	}
	if o.Real == nil {
		o.Real = new(strongroom.Clock)
	}
	if o.TrainingLife <= 0 {
		o.TrainingLife = TrainingLife
	}
	if o.Recorder == "" {
		o.Recorder = BySelf
	}
	if !slices.Contains(Recorders(), o.Recorder) {
		panic("people: there is no such recorder of trainings")
	}
	if o.SameHand == nil {
		o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b, nil }
	}
	if o.Issuer == "" {
		o.Issuer = "Strongroom"
	}
	if o.Owners == nil {
		o.Owners = func(*db.Reader, time.Time) ([]string, error) { return nil, nil }
	}
	if o.Roles == nil {
		owners := o.Owners
		o.Roles = func(r *db.Reader, person string, now time.Time) ([]string, error) {
			list, err := owners(r, now)
			if err != nil || !slices.Contains(list, person) {
				return nil, err
			}
			return []string{authz.Owner}, nil
		}
	}
	if o.Owned == nil {
		o.Owned = func(*db.Reader, string) ([]string, error) { return nil, nil }
	}
	if o.Guess == nil {
		o.Guess = func(context.Context, strongroom.Actor) (Guess, error) { return uncounted{}, nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	env := []byte(o.Environment)
	return &People{
		o: o, slow: make(chan struct{}, hashers),
		mac:  o.Key.Derive("people mac", env),
		wrap: o.Key.Derive("people wrap", env),
		rest: o.Key.Derive("people rest", env),
	}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "people", FS: schema} }

// account describes a person to the policies.
func account(id string, who strongroom.Actor) strongroom.Resource {
	return strongroom.Resource{Type: "Account", ID: id, Attrs: map[string]any{"own": who.Kind == strongroom.PersonActor && who.ID == id}}
}

// refuse records that something about a person was refused before it began. It
// returns err, or the denial of a caller who may not ask for it at all.
func (p *People) refuse(ctx context.Context, who strongroom.Actor, a strongroom.Action, r strongroom.Resource, err error) error {
	return p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(a, r, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

func run(hooks []Hook, tx *guard.Tx, person string) error {
	for _, h := range hooks {
		if err := h(tx, person); err != nil {
			return err
		}
	}
	return nil
}
