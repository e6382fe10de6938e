package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

const letters = "0123456789abcdefghjkmnpqrstvwxyz"

var alphabet = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Token is the secret of a link or of an enrolment: a prefix, 256 random bits and
// a checksum. It prints as a redaction; only [Token.Reveal] gives the text.
type Token struct{ text string }

// The prefixes of tokens; "live_" or "test_" follows.
const (
	linkToken      = "srl_"
	enrolmentToken = "sre_"
)

const (
	tokenChars = 52 // 32 bytes in base32
	sumChars   = 7  // 4 bytes in base32
)

// Reveal returns the text, to be shown or sent once.
func (t Token) Reveal() string { return t.text }

const redacted = "[enrolment token]"

// String returns a redaction.
func (Token) String() string { return redacted }

// GoString returns a redaction.
func (Token) GoString() string { return redacted }

// Format writes a redaction for every verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a redaction.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a redaction.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns a redaction.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func newToken(kind string, env strongroom.Environment) Token {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	head := head(kind, env) + alphabet.EncodeToString(b[:])
	return Token{head + checksum(head)}
}

func head(kind string, env strongroom.Environment) string {
	if env == strongroom.Production {
		return kind + "live_"
	}
	return kind + "test_"
}

func checksum(head string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(head)))
	return alphabet.EncodeToString(sum[:])
}

// isToken reports whether text can be a token of a kind here at all.
func isToken(kind string, env strongroom.Environment, text string) bool {
	rest, ok := strings.CutPrefix(text, head(kind, env))
	if !ok || len(rest) != tokenChars+sumChars || strings.Trim(rest, letters) != "" {
		return false
	}
	cut := len(text) - sumChars
	return checksum(text[:cut]) == text[cut:]
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
		x, _, err := p.load(&tx.Reader, id)
		if err != nil && !strongroom.IsKind(err, strongroom.NotFound) {
			return err
		}
		first, ferr := p.nobodyActive(&tx.Reader)
		if ferr != nil {
			return ferr
		}
		r, rerr := p.about(tx, personInvite, id)
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
// does it, and never to the last owner who can sign in.
func (p *People) Reset(ctx context.Context, who strongroom.Actor, id string) (Link, error) {
	link := newToken(linkToken, p.o.Environment)
	var until time.Time
	_, err := p.change(ctx, who, personReset, id, func(tx *guard.Tx, k seal.Key, x *Person) error {
		if x.State != Active && x.State != Invited {
			return strongroom.Faultf(strongroom.Conflict, "person-state", "the account is %s", x.State)
		}
		if err := p.keepOwner(tx, id); err != nil {
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
		x.State = Invited
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
	return until, insertLink(tx, p.tokenRow(t.text, "", person, until))
}

// tokenRow is what is kept of a token: its keyed hash, and a proof that binds the
// row.
func (p *People) tokenRow(text, id, person string, until time.Time) tokenRow {
	r := tokenRow{digest: p.tokenDigest(text), id: id, person: person, expires: micros(until)}
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
	return subtle.ConstantTimeCompare(p.tokenProof(r), r.proof) == 1 && now.Before(instant(r.expires))
}
