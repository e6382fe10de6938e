package people

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// The kinds of tokens, which they begin with, before the environment.
const (
	linkToken      = "srl"
	enrolmentToken = "sre"
)

// Token is the secret of a link or of an enrolment. It prints as a redaction; only
// Reveal gives the text, to be shown or sent once.
type Token struct{ seal.Secret }

func newToken(kind string, env strongroom.Environment) Token {
	return Token{seal.NewSecret(env.Prefix(kind))}
}

// isToken reports whether text can be a token of a kind here at all.
func isToken(kind string, env strongroom.Environment, text string) bool {
	return seal.IsSecret(env.Prefix(kind), text)
}

// Link leads a person into an enrolment, once.
type Link struct {
	Token   Token
	Person  string
	Expires time.Time
}

func badLink() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "link", "the link is not known, was used, or is over").
		Advise("ask for a new one")
}

// Invite makes a new link for a person who has not enrolled. The one before it is
// worth nothing any more. The link is in the answer and nowhere else.
func (p *People) Invite(ctx context.Context, who strongroom.Actor, id string) (Link, error) {
	link := newToken(linkToken, p.o.Environment)
	var until time.Time
	err := p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
		x, k, err := p.load(&tx.Reader, id)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		first, ferr := p.nobodyActive(&tx.Reader)
		if ferr != nil {
			return ferr
		}
		r, rerr := p.about(tx, personInvite, id, x)
		if rerr != nil {
			return rerr
		}
		if r.Attrs != nil {
			r.Attrs["founding"] = first
		}
		if denied := tx.Allow(personInvite, r, guard.Context{}); denied != nil {
			return denied
		}
		if err != nil {
			return err
		}
		if x.State != Invited {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is not waiting for an enrolment").
				Advise("reset it, if its password or factors are lost")
		}
		x.Led = led(who)
		if err := p.save(tx, k, x); err != nil {
			return err
		}
		until, err = p.link(tx, id, link)
		return err
	})
	if err != nil {
		return Link{}, err
	}
	return Link{Token: link, Person: id, Expires: until}, nil
}

// nobodyActive reports whether no account is active: the product is being set up.
func (p *People) nobodyActive(r *db.Reader) (bool, error) {
	counts, err := countStates(r)
	for _, c := range counts {
		if State(c.state) == Active && c.n > 0 {
			return false, err
		}
	}
	return true, err
}

// Reset takes a person's factors and password away, ends the sessions, and gives a
// link to enrol anew: for who lost them, and after a compromise. Another person
// does it, and never to the last owner who can sign in. As the link is shown to who
// resets, a third person lets the account in once it is enrolled ([People.Resume]).
func (p *People) Reset(ctx context.Context, who strongroom.Actor, id string) (Link, error) {
	link := newToken(linkToken, p.o.Environment)
	var until time.Time
	_, err := p.change(ctx, who, personReset, id, func(tx *guard.Tx, k seal.Key, x *Person) error {
		if x.State != Active && x.State != Invited && x.Reason != Unconfirmed {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is %s", x.State)
		}
		if err := p.keepOwner(tx, id); err != nil {
			return err
		}
		if err := startOver(tx, *x); err != nil {
			return err
		}
		if err := dropProofs(tx, id); err != nil {
			return err
		}
		s, err := p.secrets(&tx.Reader, id)
		if err != nil {
			return err
		}
		if err := p.retire(tx, k, s); err != nil {
			return err
		}
		x.State, x.Reason, x.Led = Invited, "", led(who)
		tx.Ends(id)
		if err := run(p.o.Suspended, tx, id); err != nil {
			return err
		}
		until, err = p.link(tx, id, link)
		return err
	})
	if err != nil {
		return Link{}, err
	}
	return Link{Token: link, Person: id, Expires: until}, nil
}

// link stores a fresh link in the place of all others.
func (p *People) link(tx *guard.Tx, person string, t Token) (until time.Time, err error) {
	if err := deleteLinks(tx, person); err != nil {
		return until, err
	}
	if err := deleteEnrolments(tx, person); err != nil {
		return until, err
	}
	until = tx.Now().Add(LinkLife)
	return until, insertLink(tx, p.tokenRow(t.Reveal(), "", person, until))
}

// tokenRow is what is kept of a token: its keyed hash, and a proof that binds the
// row.
func (p *People) tokenRow(text, id, person string, until time.Time) tokenRow {
	r := tokenRow{digest: p.tokenDigest(text), id: id, person: person, expires: db.MicrosOrZero(until)}
	r.proof = p.tokenProof(r)
	return r
}

func (p *People) tokenDigest(text string) []byte {
	d := p.mac.MAC([]byte("token"), []byte(text))
	return d[:]
}

func (p *People) tokenProof(r tokenRow) []byte {
	d := p.mac.MAC([]byte("token row"), r.digest, []byte(r.id), []byte(r.person), binary.BigEndian.AppendUint64(nil, uint64(r.expires)))
	return d[:]
}

// good reports whether the row is ours and not over.
func (p *People) good(r tokenRow, now time.Time) bool {
	return subtle.ConstantTimeCompare(p.tokenProof(r), r.proof) == 1 && now.Before(db.TimeOrZero(r.expires))
}
