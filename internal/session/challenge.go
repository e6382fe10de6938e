package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// maxOpen is how many sign-ins may be under way from one source. One more puts an
// end to the one that has come the least far, the oldest of these: nobody keeps
// others at the same source from beginning.
const maxOpen = 128

// Challenge is a sign-in under way. Its ID is to be kept by the browser alone:
// whoever holds it stands where the sign-in stands.
type Challenge struct {
	ID      string    // "chl_…"
	Until   time.Time // when it is over, in real time
	Methods []Method  // what may be shown next
}

// ticket is what is sealed of a challenge.
type ticket struct {
	Person   string `json:"p"`           // the account, or a stand-in
	Real     bool   `json:"r"`           // there is such an account
	Network  string `json:"n"`           // where it was begun
	Family   string `json:"f"`           // with what
	Password bool   `json:"w,omitempty"` // the password was right
	Ceremony []byte `json:"c,omitempty"` // of a passkey
	Session  string `json:"s,omitempty"` // the session to verify anew; none is opened
}

// signIn is a challenge that was found.
type signIn struct {
	ticket
	mark  []byte
	step  int64
	until int64
}

func (s *Sessions) challengeMark(id string) []byte { return s.mark("challenge", id) }

func (s *Sessions) sealTicket(c signIn) ([]byte, error) {
	text, err := json.Marshal(c.ticket)
	if err != nil {
		return nil, err
	}
	return s.seal.Seal(nil, s.bindTicket(c), text), nil
}

func (s *Sessions) bindTicket(c signIn) []byte {
	return seal.AD("session_challenge", string(s.o.Environment), c.mark, c.step, c.until)
}

// begin keeps a new challenge.
func (s *Sessions) begin(ctx context.Context, t ticket, c Caller) (Challenge, error) {
	id := strongroom.NewID("chl")
	now := s.o.Real.Now()
	o := signIn{ticket: t, mark: s.challengeMark(id), until: db.Micros(now.Add(s.p.Ceremony))}
	o.Network, o.Family = network(c.Source), family(c.Agent)
	sealed, err := s.sealTicket(o)
	if err != nil {
		return Challenge{}, err
	}
	source := s.mark("open", origin(c.Source))
	err = s.o.Guard.Quiet(ctx, guard.Attempt, func(_ context.Context, tx *guard.Tx) error {
		n, err := openFrom(&tx.Reader, source)
		if err == nil && n >= maxOpen {
			err = displaceChallenge(tx, source)
		}
		if err != nil {
			return err
		}
		return insertChallenge(tx, o, sealed, source)
	})
	if err != nil {
		return Challenge{}, err
	}
	return Challenge{ID: id, Until: db.Time(o.until)}, nil
}

// find returns a challenge, if it is not over and the caller is where it began.
func (s *Sessions) find(ctx context.Context, id string, c Caller) (o signIn, err error) {
	if !strongroom.IsID("chl", id) {
		return signIn{}, errOver()
	}
	err = s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) error {
		o, err = s.load(r, s.challengeMark(id))
		return err
	})
	if strongroom.IsKind(err, strongroom.NotFound) || err == nil && (o.Network != network(c.Source) || o.Family != family(c.Agent)) {
		return signIn{}, errOver()
	}
	return o, err
}

func (s *Sessions) load(r *db.Reader, mark []byte) (signIn, error) {
	o := signIn{mark: mark}
	sealed, err := loadChallenge(r, &o)
	if err != nil {
		return signIn{}, err
	}
	text, err := s.seal.Open(nil, s.bindTicket(o), sealed)
	if err == nil {
		err = json.Unmarshal(text, &o.ticket)
	}
	if err != nil || !s.o.Real.Now().Before(db.Time(o.until)) {
		return signIn{}, errOver()
	}
	return o, nil
}

// advance takes a challenge one step further. Of two who do so at once, one is
// told that it is over.
func (s *Sessions) advance(tx *guard.Tx, o signIn) error {
	was := o.step
	o.step++
	sealed, err := s.sealTicket(o)
	if err != nil {
		return err
	}
	n, err := moveChallenge(tx, o.mark, was, sealed)
	if err == nil && n != 1 {
		err = errOver()
	}
	return err
}

// finish uses a challenge up.
func (s *Sessions) finish(tx *guard.Tx, o signIn) error {
	n, err := dropChallenge(tx, o.mark, o.step)
	if err == nil && n != 1 {
		err = errOver()
	}
	return err
}

func errOver() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "sign-in-over", "this sign-in is over, or was begun elsewhere").
		Advise("begin again")
}

// errWrong is the one answer to a password that does not fit, whatever the
// reason.
func errWrong() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "sign-in", "the address or the password is wrong")
}

// errFactor is the one answer to a second factor that does not fit.
func errFactor() error {
	return strongroom.Faultf(strongroom.Unauthenticated, "sign-in-factor", "the second factor is wrong or was used before").
		Advise("try the next code, or another way")
}

// codeOf returns the code of a fault of ours.
func codeOf(err error) string {
	if f, ok := errors.AsType[*strongroom.Fault](err); ok {
		return f.Code
	}
	return "internal"
}
