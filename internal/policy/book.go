package policy

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"strongroom"
	"strongroom/internal/audit"
	"strongroom/internal/authz"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

// Options say what a book stands on. Guard and Law are required.
type Options struct {
	Guard *guard.Guard
	Law   *Law
	// Decisions reads past decisions for a dry run; see [FromLog].
	Decisions Decisions
	// Actors finds who somebody is today, for explanations and dry runs.
	Actors Actors
	// SameHand reports whether one person can act as two accounts; nil compares them.
	SameHand func(r *db.Reader, a, b string) (bool, error)
	// Log is the operational log; nil discards.
	Log *slog.Logger
}

// Actors returns the actor with an account's id, as it would act today, with
// roles, stores, elevations and what is known of a person beside the session.
// ok is false where there is no such account. Safe for concurrent use.
type Actors func(ctx context.Context, kind strongroom.ActorKind, id string) (who strongroom.Actor, ok bool, err error)

// Book is what people do with versions of policies. It is safe for concurrent
// use. Each verb is decided and recorded.
type Book struct{ o Options }

// New returns a book. It panics where guard or law is missing: that is a mistake
// of the program.
func New(o Options) *Book {
	if o.Guard == nil || o.Law == nil {
		panic("policy: guard and law are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.SameHand == nil {
		o.SameHand = func(_ *db.Reader, a, b string) (bool, error) { return a == b, nil }
	}
	return &Book{o: o}
}

func resource(id string) strongroom.Resource {
	if id == "" {
		id = "policies"
	}
	return strongroom.Resource{Type: "Policy", ID: id}
}

// Check says what is wrong with files that somebody is about to propose; none
// means that the engine takes them.
func (b *Book) Check(ctx context.Context, who strongroom.Actor, files []authz.File) ([]authz.Problem, error) {
	err := b.o.Guard.Read(ctx, who, func(_ context.Context, v *guard.View) error {
		return v.Allow(actPropose, resource(""), guard.Context{})
	})
	if err != nil {
		return nil, err
	}
	return authz.Check(b.o.Law.with(files)), b.checkFiles(files)
}

// Propose stores files as a new version and says how it differs from what is in
// force. Nothing changes yet. Faults: Invalid for files that the engine does not
// take or that hold something like personal data, Exhausted where too many
// versions wait.
func (b *Book) Propose(ctx context.Context, who strongroom.Actor, files []authz.File) (Version, authz.Change, error) {
	return b.propose(ctx, who, files, 0)
}

func (b *Book) propose(ctx context.Context, who strongroom.Actor, files []authz.File, restores int64) (v Version, change authz.Change, err error) {
	wrong := b.checkFiles(files)
	if wrong == nil {
		wrong = refuse(authz.Check(b.o.Law.with(files)))
	}
	id := strongroom.NewID("pol")
	err = b.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if err := tx.Allow(actPropose, resource(id), guard.Context{}); err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		n, err := openCount(&tx.Reader)
		if err != nil {
			return err
		}
		if n >= MaxOpen {
			return strongroom.Faultf(strongroom.Exhausted, "policy-open", "%d versions wait for a decision", n).Advise("withdraw those nobody wants")
		}
		last, err := lastNumber(&tx.Reader)
		if err != nil {
			return err
		}
		r, err := b.o.Law.safe.close(row{
			id: id, number: last + 1, state: Proposed, author: who.ID, created: db.Micros(tx.Now()), restores: restores,
		}, files)
		if err != nil {
			return err
		}
		if v, err = b.o.Law.safe.open(r); err != nil {
			return err
		}
		tx.Note("version", v.Number)
		tx.Note("digest", v.Digest)
		return insertRow(tx, r)
	})
	if err != nil {
		return Version{}, change, err
	}
	change, _, err = b.compare(ctx, v)
	return v, change, err
}

// checkFiles refuses what could not be stored, and files named like one of the
// configuration, which is in force beside them.
func (b *Book) checkFiles(files []authz.File) error {
	for i, f := range files {
		if slices.ContainsFunc(b.o.Law.o.Files, func(c authz.File) bool { return c.Name == f.Name }) {
			return strongroom.Faultf(strongroom.Invalid, "policy-file", "file %d has the name of one of the configuration", i+1)
		}
	}
	return checkFiles(files)
}

// refuse turns the problems of files into a fault that says where the first is
// and repeats nothing of the files.
func refuse(problems []authz.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	what := "1 problem in the policies"
	if len(problems) > 1 {
		what = fmt.Sprintf("%d problems in the policies, the first", len(problems))
	}
	if line := problems[0].Line; line > 0 {
		what += fmt.Sprintf(" in line %d", line)
	}
	return strongroom.Faultf(strongroom.Invalid, "policy", "%s", what).Advise("check them to see each")
}

// compare says how a version differs from what is in force, and at which turn
// that is.
func (b *Book) compare(ctx context.Context, v Version) (change authz.Change, turn int64, err error) {
	var now Version
	err = b.o.Law.o.DB.Read(ctx, func(r *db.Reader) error {
		c, in, err := b.o.Law.inForce(r)
		turn, now = c.turn, in
		return err
	})
	if err != nil {
		return change, turn, err
	}
	change, err = authz.Compare(b.o.Law.with(now.Files), b.o.Law.with(v.Files))
	return change, turn, err
}

// mode says in the log whether a change may allow more or stop what protects.
func mode(c authz.Change) audit.Term {
	switch {
	case c.Widens:
		return audit.Word("wider")
	case c.Stops:
		return audit.Word("stops")
	}
	return audit.Word("narrower")
}
