package session

import (
	"context"

	"strongroom"
)

// Guess is an attempt at the password of who has a session already, such as at the old
// one when a new one is set. It counts like one at a sign-in (DPP 2.2.9): who took a
// session over gets no more guesses than anybody.
type Guess struct {
	s      *Sessions
	person string
	ch     charged
}

// Guess counts an attempt before it is looked at. The fault is Exhausted while account
// or source have to wait.
func (s *Sessions) Guess(ctx context.Context, who strongroom.Actor) (Guess, error) {
	c := Caller{Source: who.Standing.Source}
	ch, err := s.charge(ctx, passwords, signIn{ticket: ticket{Person: who.ID, Real: true}}, c)
	return Guess{s, who.ID, ch}, err
}

// Right takes the count back: the password was right, or nobody came to look at it.
func (g Guess) Right(ctx context.Context) { _ = g.s.unlooked(ctx, g.ch, nil) }

// Wrong lets the count stand. err is why, and is returned once it is known what the
// attempt led to: after the last one the account is locked.
func (g Guess) Wrong(ctx context.Context, err error) error {
	if g.ch.closed {
		return g.s.closing(ctx, g.person, err)
	}
	return err
}
