package session_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/factor"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
	"strongroom/internal/session"
)

// crowd is who there is, in memory. What a transaction changes counts from its
// commit on.
type crowd struct {
	mu      sync.Mutex
	key     seal.Key
	all     map[string]*person
	checked int  // passwords that were verified
	cost    bool // verifying costs an Argon2id
	// leaky is the planted mistake: what nobody has is refused at once.
	leaky bool
}

type person struct {
	id, email, password string
	session.Person
	totp     factor.TOTPSecret
	step     int64
	recovery []factor.Code
	passkeys []passkey
	roles    []string
	half     bool // the password is set, the second factor is not
}

type passkey struct{ id, record []byte }

func (p *crowd) Lookup(_ context.Context, address string) (string, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	folded := strings.ToLower(strings.TrimSpace(address))
	mark := p.key.MAC([]byte("mail"), []byte(folded))
	for _, x := range p.all {
		if x.email == folded {
			return x.id, mark[:], nil
		}
	}
	return "", mark[:], nil
}

func (p *crowd) VerifyPassword(_ context.Context, id string, typed []byte) (bool, error) {
	p.mu.Lock()
	x := p.all[id]
	p.checked++
	want, leaky, cost := "", p.leaky, p.cost
	if x != nil {
		want = x.password
	}
	p.mu.Unlock()
	if x == nil && leaky {
		return false, nil
	}
	if cost {
		argon2.IDKey(typed, []byte("0123456789abcdef"), 1, 19<<10, 1, 32)
	}
	return x != nil && want != "" && want == string(typed), nil
}

func (p *crowd) Person(_ *db.Reader, id string, _ time.Time) (session.Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x, ok := p.all[id]
	if !ok {
		return session.Person{}, strongroom.Faultf(strongroom.NotFound, "person", "there is no such person")
	}
	return x.Person, nil
}

func (p *crowd) Offers(_ *db.Reader, id string) ([]session.Method, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.all[id]
	if x == nil || x.half {
		return nil, nil
	}
	out := []session.Method{session.ByTOTP}
	if len(x.passkeys) > 0 {
		out = append(out, session.ByPasskey)
	}
	return out, nil
}

func (p *crowd) UseTOTP(tx *guard.Tx, id, code string, at time.Time) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.all[id]
	step, ok := x.totp.Verify(code, at)
	if !ok || step <= x.step {
		return false, nil
	}
	was := x.step
	x.step = step
	tx.OnUndo(func() { p.with(id, func(x *person) { x.step = was }) })
	return true, nil
}

func (p *crowd) UseRecovery(tx *guard.Tx, id, code string) (bool, error) {
	c, err := factor.ParseRecovery(code)
	if err != nil {
		return false, nil //nolint:nilerr // what is no code is a wrong one
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.all[id].recovery, c)
	if i < 0 {
		return false, nil
	}
	tx.AfterCommit(func() { p.with(id, func(x *person) { x.recovery = slices.Delete(x.recovery, i, i+1) }) })
	return true, nil
}

func (p *crowd) Passkeys(_ *db.Reader, id string) (handle []byte, records [][]byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.all[id].passkeys {
		records = append(records, k.record)
	}
	return []byte(id), records, nil
}

func (p *crowd) Passkey(_ *db.Reader, handle, id []byte) (string, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.all[string(handle)]; x != nil {
		for _, k := range x.passkeys {
			if bytes.Equal(k.id, id) {
				return x.id, k.record, nil
			}
		}
	}
	return "", nil, strongroom.Faultf(strongroom.NotFound, "passkey", "there is no such passkey")
}

func (p *crowd) KeepPasskey(tx *guard.Tx, id string, used factor.Passkey, _ []byte) error {
	tx.AfterCommit(func() {
		p.with(id, func(x *person) {
			for i := range x.passkeys {
				if bytes.Equal(x.passkeys[i].id, used.ID) {
					x.passkeys[i].record = used.Record
				}
			}
		})
	})
	return nil
}

// with changes a person.
func (p *crowd) with(id string, change func(x *person)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.all[id])
}

func (p *crowd) rights(_ *db.Reader, id string, _ time.Time) (session.Granted, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return session.Granted{Roles: slices.Clone(p.all[id].roles), AllStores: true}, nil
}

// verified returns how many passwords were verified.
func (p *crowd) verified() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checked
}

const rightPassword = "correct horse 7 Battery!"

// add adds a person with a password, an authenticator app and recovery codes.
func (p *crowd) add(email string, roles ...string) *person {
	x := &person{
		id: strongroom.NewID("usr"), email: email, password: rightPassword, roles: roles,
		Person: session.Person{Active: true, Employment: "employee", Trained: true, Pledged: true},
		totp:   factor.NewTOTP(), recovery: factor.NewRecovery(3),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[x.id] = x
	return x
}

// addPasskey registers a passkey.
func (p *crowd) addPasskey(t testing.TB, x *person, at time.Time) *authenticator {
	t.Helper()
	a := newAuthenticator(t)
	options, state, err := relying.BeginRegistration(factor.User{Handle: []byte(x.id), Name: "n", Display: "d"}, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	made := must(relying.FinishRegistration(state, a.create(t, options), at))(t)
	p.with(x.id, func(x *person) { x.passkeys = append(x.passkeys, passkey{made.ID, made.Record}) })
	return a
}

// noRights is a directory of rights that is away.
func noRights(*db.Reader, string, time.Time) (session.Granted, error) {
	return session.Granted{}, strongroom.Faultf(strongroom.Unavailable, "away", "the rights cannot be read")
}

// torn is a directory that is away where it is asked for something.
type torn struct {
	*crowd
	where string
}

func (p torn) Person(r *db.Reader, id string, now time.Time) (session.Person, error) {
	if p.where == "Person" {
		return session.Person{}, strongroom.Faultf(strongroom.Unavailable, "away", "the people cannot be read")
	}
	return p.crowd.Person(r, id, now)
}

func (p torn) UseTOTP(tx *guard.Tx, id, code string, at time.Time) (bool, error) {
	if p.where == "UseTOTP" {
		return false, strongroom.Faultf(strongroom.Unavailable, "away", "the people cannot be read")
	}
	return p.crowd.UseTOTP(tx, id, code, at)
}
