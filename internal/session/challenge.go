package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
	"strongroom/internal/seal"
)

// Challenge is a sign-in under way. Its ID is to be kept by the browser alone:
// whoever holds it stands where the sign-in stands. It carries how the sign-in began,
// sealed: to begin writes nothing, so that nobody who begins again and again keeps
// others from it. Once something was shown there is a row that says how far it came.
type Challenge struct {
	ID      string    // "chl_…", some hundred characters
	Until   time.Time // when it is over, in real time
	Methods []Method  // what may be shown next
}

// ticket is what is sealed of a challenge. Its length tells nothing of what is in it
// but whether there is a ceremony.
type ticket struct {
	Person   string `json:"p"`           // the account, or a stand-in
	Real     bool   `json:"r"`           // there is such an account
	Network  string `json:"n"`           // where it was begun
	Family   string `json:"f"`           // with what
	Until    int64  `json:"u"`           // when it is over
	Password bool   `json:"w,omitempty"` // the password was right
	Ceremony []byte `json:"c,omitempty"` // of a passkey
	Session  string `json:"s,omitempty"` // the session to verify anew; none is opened
	Over     bool   `json:"o,omitempty"` // it was used up
}

// signIn is a challenge that was found.
type signIn struct {
	ticket
	mark []byte
	kept bool // there is a row
	step int64
}

const (
	challengePrefix = "chl"
	challengeChars  = len(challengePrefix) + 1 + 26 // the name; the sealed ticket follows
	maxChallenge    = 8 << 10                       // of both
	ticketStep      = 256                           // a ticket is as long as a multiple of this
)

func (s *Sessions) challengeMark(name string) []byte { return s.mark("challenge", name) }

// begunKey is the key of one challenge: each seals one ticket.
func (s *Sessions) begunKey(name string) seal.Key {
	return s.seal.Derive("challenge", []byte(name))
}

func (s *Sessions) bindTicket(c signIn) []byte {
	return seal.AD("session_challenge", string(s.o.Environment), c.mark, c.step)
}

func sealTicket(k seal.Key, ad []byte, t ticket) ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	text = append(text, bytes.Repeat([]byte(" "), ticketStep-len(text)%ticketStep)...)
	return k.Seal(nil, ad, text), nil
}

func openTicket(k seal.Key, ad, sealed []byte) (t ticket, err error) {
	text, err := k.Open(nil, ad, sealed)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	return t, err
}

// begin makes a new challenge.
func (s *Sessions) begin(t ticket, c Caller) (Challenge, error) {
	name := strongroom.NewID(challengePrefix)
	o := signIn{ticket: t, mark: s.challengeMark(name)}
	o.Until = db.Micros(s.o.Real.Now().Add(s.p.Ceremony))
	o.Network, o.Family = network(c.Source), family(c.Agent)
	sealed, err := sealTicket(s.begunKey(name), s.bindTicket(o), o.ticket)
	if err != nil {
		return Challenge{}, err
	}
	return Challenge{ID: name + base64.RawURLEncoding.EncodeToString(sealed), Until: db.Time(o.Until)}, nil
}

// begun returns a challenge as it began. What was not made here, or is over, is
// refused without a look into the database.
func (s *Sessions) begun(id string) (signIn, error) {
	if len(id) < challengeChars || len(id) > maxChallenge || !strongroom.IsID(challengePrefix, id[:challengeChars]) || strings.ContainsAny(id, "\r\n") {
		return signIn{}, errOver()
	}
	name := id[:challengeChars]
	o := signIn{mark: s.challengeMark(name)}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id[challengeChars:])
	if err == nil {
		o.ticket, err = openTicket(s.begunKey(name), s.bindTicket(o), sealed)
	}
	if err != nil || s.isOver(o) {
		return signIn{}, errOver()
	}
	return o, nil
}

func (s *Sessions) isOver(o signIn) bool {
	return o.Over || !s.o.Real.Now().Before(db.Time(o.Until))
}

// find returns a challenge, if it is not over and the caller is where it began.
func (s *Sessions) find(ctx context.Context, id string, c Caller) (signIn, error) {
	o, err := s.begun(id)
	if err != nil || o.Network != network(c.Source) || o.Family != family(c.Agent) {
		return signIn{}, errOver()
	}
	err = s.o.Guard.Look(ctx, guard.LookUp, func(r *db.Reader) (err error) {
		o, err = s.load(r, o)
		return err
	})
	return o, err
}

// load returns how far a challenge has come: where it began if there is no row.
func (s *Sessions) load(r *db.Reader, o signIn) (signIn, error) {
	sealed, step, err := loadChallenge(r, o.mark)
	if strongroom.IsKind(err, strongroom.NotFound) {
		return o, nil
	}
	if err != nil {
		return signIn{}, err
	}
	now := signIn{mark: o.mark, kept: true, step: step}
	if now.ticket, err = openTicket(s.seal, s.bindTicket(now), sealed); err != nil || s.isOver(now) {
		return signIn{}, errOver()
	}
	return now, nil
}

// advance takes a challenge one step further. Of two who do so at once, one is
// told that it is over.
func (s *Sessions) advance(tx *guard.Tx, o signIn) error {
	was := o.step
	o.step++
	sealed, err := sealTicket(s.seal, s.bindTicket(o), o.ticket)
	if err != nil {
		return err
	}
	var n int64
	if o.kept {
		n, err = moveChallenge(tx, o.mark, was, sealed)
	} else {
		n, err = insertChallenge(tx, o.mark, o.step, sealed, o.Until)
	}
	if err == nil && n != 1 {
		err = errOver()
	}
	return err
}

// finish uses a challenge up. What is left of it stays until it would be over, so
// that it does not begin anew.
func (s *Sessions) finish(tx *guard.Tx, o signIn) error {
	o.ticket = ticket{Until: o.Until, Over: true}
	return s.advance(tx, o)
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
