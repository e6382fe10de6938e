package people

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"slices"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// hashers is how many passwords are hashed at a time: each takes a core and, at
// the usual cost, 64 MiB.
const hashers = 2

// hashed is what is sealed of a password.
type hashed struct {
	Params seal.Params `json:"p"`
	Hash   []byte      `json:"h"`
}

// slowly derives the hash of a password, a few at a time. What Argon2id is given is
// a keyed hash bound to the person: it is of one length, and who holds the database
// alone cannot test a guess.
func (p *People) slowly(ctx context.Context, person string, normal []byte, cost seal.Params) ([]byte, error) {
	select {
	case p.slow <- struct{}{}:
		defer func() { <-p.slow }()
	case <-ctx.Done():
		return nil, strongroom.Faultf(strongroom.Unavailable, "cancelled", "the caller gave up while others' passwords were hashed")
	}
	m := p.mac.MAC([]byte("password"), []byte(person), normal)
	defer clear(m[:])
	k, err := seal.FromPassphrase(m[:], cost)
	if err != nil {
		return nil, err
	}
	defer k.Zero()
	return k.Expose(nil), nil
}

// hash makes a new hash at the present cost.
func (p *People) hash(ctx context.Context, person string, normal []byte) (hashed, error) {
	h := hashed{Params: p.o.Cost}
	h.Params.Salt = seal.NewParams().Salt
	var err error
	h.Hash, err = p.slowly(ctx, person, normal, h.Params)
	return h, err
}

func (p *People) matches(ctx context.Context, person string, normal []byte, h hashed) (bool, error) {
	got, err := p.slowly(ctx, person, normal, h.Params)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, h.Hash) == 1, nil
}

func (p *People) bindPassword(r passwordRow) []byte {
	return p.ad("people_password", r.id, r.person, r.set, flag(r.current), flag(r.must))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *People) sealPassword(k seal.Key, r passwordRow, h hashed) (passwordRow, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return r, err
	}
	r.sealed = k.Seal(nil, p.bindPassword(r), text)
	return r, nil
}

func (p *People) openPassword(k seal.Key, r passwordRow) (h hashed, err error) {
	text, err := k.Open(nil, p.bindPassword(r), r.sealed)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, damaged(r.person)
	}
	return h, nil
}

// secrets are a person's password and those before it, the newest first.
type secrets struct {
	person Person
	rows   []passwordRow
	hashes []hashed
}

func (p *People) secrets(r *db.Reader, person string) (s secrets, err error) {
	var k seal.Key
	if s.person, k, err = p.load(r, person); err != nil || k.IsZero() {
		return s, err
	}
	if s.rows, err = passwordsOf(r, person); err != nil {
		return s, err
	}
	for _, row := range s.rows {
		h, err := p.openPassword(k, row)
		if err != nil {
			return s, err
		}
		s.hashes = append(s.hashes, h)
	}
	return s, nil
}

// current returns the index of the password in use, -1 if there is none.
func (s secrets) current() int {
	for i, r := range s.rows {
		if r.current {
			return i
		}
	}
	return -1
}

// cheaper reports whether a costs less than b in any way.
func cheaper(a, b seal.Params) bool {
	return a.Time < b.Time || a.Memory < b.Memory || a.Threads < b.Threads
}

// rehash stores the hash of a password at the present cost. If it fails the old
// one stays good.
func (p *People) rehash(ctx context.Context, person, id string, normal []byte) {
	h, err := p.hash(ctx, person, normal)
	if err == nil {
		who := enrolling(person, "", "http")
		err = p.o.Guard.Do(ctx, who, func(_ context.Context, tx *guard.Tx) error {
			if err := tx.Allow(accountPassword, account(person, who), guard.Context{}); err != nil {
				return err
			}
			tx.Note("rewrapped", true)
			_, k, err := p.load(&tx.Reader, person)
			if err != nil {
				return err
			}
			rows, err := passwordsOf(&tx.Reader, person)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if r.id == id && r.current {
					if r, err = p.sealPassword(k, r, h); err != nil {
						return err
					}
					return updatePassword(tx, r)
				}
			}
			return nil
		})
	}
	if err != nil {
		p.o.Log.LogAttrs(ctx, slog.LevelWarn, "a password keeps its old hash", slog.String("account", person),
			slog.String("kind", strongroom.KindOf(err).String()))
	}
}

func same(a, b []passwordRow) bool {
	return slices.EqualFunc(a, b, func(x, y passwordRow) bool { return x.id == y.id && x.current == y.current && x.must == y.must })
}
