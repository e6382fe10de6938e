package review

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/classify"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Numbers that are ours, except where a clause is named.
const (
	// Quarter is how many months lie between two reviews at most (DPP 2.2.10, 2.2.11).
	Quarter = 3
	// Dormant is how long an account may be unused.
	Dormant = 30 * 24 * time.Hour
	// UsedWithin is how far back the use of rights is looked at.
	UsedWithin = 90 * 24 * time.Hour
	// MaxBulk is how many entries one call may decide.
	MaxBulk = 50
	// MaxExecute is how many entries one call carries out.
	MaxExecute = 200
	// MaxPage is how many entries or ways one page has.
	MaxPage = 200
	// Samples is how many reveals of a purpose are judged each month.
	Samples = 20
	// MaxText is the longest reason in bytes.
	MaxText = 500
	// MaxImport is how many lines an import may have.
	MaxImport = 20000
	// ManyEnd is how many ways an import ends without asking, where some stay.
	ManyEnd = 5
)

// Registers is what this package asks of the registers of the house.
type Registers interface {
	// Items returns the accounts and rights that count at a time of the data clock, in
	// any order, from the state that r sees. Ways outside the product are not among
	// them.
	Items(r *db.Reader, kind Kind, now time.Time) ([]Item, error)
	// Exists returns nil for a person or service that has not ended, else NotFound.
	Exists(r *db.Reader, account string) error
	// SameHand reports whether one person can act as both accounts: they are the same, or
	// the person holds the service's key. Internal where a row of theirs was changed.
	SameHand(r *db.Reader, a, b string) (bool, error)
	// Remove ends an account or a right as who, with a decision of its own. Doing it
	// again changes nothing.
	Remove(ctx context.Context, who strongroom.Actor, it Item) error
	// Narrow takes a right away and asks, as who, for what is wanted in its place.
	// It never gives anything. It is called once for an entry unless it fails.
	Narrow(ctx context.Context, who strongroom.Actor, it Item, to Scope) error
	// SuspendPerson keeps a person out, in a transaction that has been allowed to.
	SuspendPerson(tx *guard.Tx, person string, why Why) error
	// SuspendService keeps a service out, as who, with a decision of its own.
	SuspendService(ctx context.Context, who strongroom.Actor, service string) error
}

// Why is why the product itself suspends an account.
type Why string

// The reasons of the product.
const (
	WhyDormant    Why = "dormant"
	WhyUnapproved Why = "unapproved"
	WhyLapse      Why = "lapse"
)

// Response is what the product does about a finding by itself.
type Response uint8

// The responses.
const (
	Report  Response = iota // it is listed
	Suspend                 // the account is suspended, the right without a case ended
)

// Profile says what the product does by itself. The zero Profile reports.
type Profile struct {
	Lapse      Response // accounts that a due review has not looked at
	Dormant    Response // accounts not used for [Options.Dormant]
	Unapproved Response // accounts and rights neither in the baseline nor with a case
}

// Options configure a [Review]. Guard, Environment, Key and Registers are required.
type Options struct {
	Guard       *guard.Guard
	Environment strongroom.Environment
	// Key is a key of the instance's keyring, used for nothing else.
	Key       seal.Key
	Registers Registers
	Profile   Profile
	// Events reads what was opened, and used, out of the log ([FromLog]). Without it
	// samples cannot be drawn and no right counts as used or unused.
	Events Events
	// Verbs returns the actions that a role permits; nil makes no proposal to shrink.
	Verbs   func(role string) []string
	Dormant time.Duration // [Dormant] if zero
	Samples int           // per purpose and month, [Samples] if zero
	Log     *slog.Logger  // operational log; nil discards
}

// Review keeps campaigns, the baseline, samples and the register of ways outside.
// Make it with [New]; it is safe for concurrent use.
type Review struct {
	o    Options
	seal seal.Key
	mark seal.Key
}

// New returns a Review. It panics where something required is missing: that is a
// mistake of the program.
func New(o Options) *Review {
	if o.Guard == nil || o.Key.IsZero() || o.Registers == nil {
		panic("review: guard, key and registers are required")
	}
	if _, err := strongroom.ParseEnvironment(string(o.Environment)); err != nil {
		panic("review: environment is required")
	}
	if o.Dormant <= 0 {
		o.Dormant = Dormant
	}
	if o.Samples <= 0 {
		o.Samples = Samples
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	env := []byte(o.Environment)
	return &Review{o: o, seal: o.Key.Derive("review seal", env), mark: o.Key.Derive("review mark", env)}
}

//go:embed schema
var schema embed.FS

// Schema returns the tables of this package.
func Schema() db.Schema { return db.Schema{Package: "review", FS: schema} }

// isAccount reports whether s has the form of the id of a person or a service.
func isAccount(s string) bool { return strongroom.IsID("usr", s) || strongroom.IsID("svc", s) }

func campaignResource(id, kind string, own bool) strongroom.Resource {
	if !strongroom.IsID("cmp", id) {
		id = "instance"
	}
	return strongroom.Resource{Type: "Campaign", ID: id, Attrs: map[string]any{"kind": kind, "own": own}}
}

func register() strongroom.Resource {
	return strongroom.Resource{Type: "Register", ID: "instance"}
}

// refuse records that something was refused before it began. It returns err, or the
// denial of a caller who may not ask for it at all.
func (v *Review) refuse(ctx context.Context, who strongroom.Actor, act strongroom.Action, res strongroom.Resource, err error) error {
	return v.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		if denied := tx.Allow(act, res, guard.Context{}); denied != nil {
			return denied
		}
		return err
	})
}

// whole refuses who is limited to some stores: a review of half the rights is none.
func whole(who strongroom.Actor) error {
	if who.AllStores {
		return nil
	}
	return strongroom.Faultf(strongroom.Denied, "stores", "a review covers all stores; your rights do not")
}

// checkText refuses a reason that is too long, no text, or holds personal data.
func checkText(s string) error {
	if len(s) > MaxText || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return strongroom.Faultf(strongroom.Invalid, "reason", "a reason has at most %d bytes of text", MaxText)
	}
	// What turns the direction or is not seen makes a text read as another.
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' || r == '<' || r == '>' }) {
		return strongroom.Faultf(strongroom.Invalid, "reason", "a reason is plain text without hidden characters and angle brackets")
	}
	if _, found := classify.Has([]byte(s)); found {
		return strongroom.Faultf(strongroom.Invalid, "reason-personal", "a reason holds no personal data").Advise("name ids instead")
	}
	return nil
}

func (v *Review) pack(ad []byte, x any) ([]byte, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	return v.seal.Seal(nil, ad, text), nil
}

// unpack opens what pack sealed. A row that was edited or moved does not open.
func (v *Review) unpack(what string, ad, sealed []byte, x any) error {
	text, err := v.seal.Open(nil, ad, sealed)
	if err == nil {
		err = json.Unmarshal(text, x)
	}
	if err != nil {
		return strongroom.Faultf(strongroom.Internal, "review-sealed", "a row of the %s does not open", what).
			Advise("it was changed, or the keyring is another's")
	}
	return nil
}

func (v *Review) ad(parts ...any) []byte {
	return seal.AD(append([]any{"review", string(v.o.Environment)}, parts...)...)
}
