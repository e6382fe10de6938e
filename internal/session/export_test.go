package session

import (
	"context"

	"strongroom"
	"strongroom/internal/guard"
)

// ShownFactors is what somebody showed, for a test.
type ShownFactors struct{ Knows, Has, Is, Two bool }

// Shown returns all that can be shown, and whether it is two factors.
func Shown() []ShownFactors {
	return []ShownFactors{
		{}, {Knows: true}, {Has: true}, {Is: true}, {Knows: true, Is: true},
		{Knows: true, Has: true, Two: true}, {Has: true, Is: true, Two: true}, {Knows: true, Has: true, Is: true, Two: true},
	}
}

// OpenWith opens a session with what is shown.
func (s *Sessions) OpenWith(ctx context.Context, person string, c Caller, x ShownFactors) error {
	ch, err := s.begin(ticket{Person: person, Real: true}, c)
	if err != nil {
		return err
	}
	o, err := s.find(ctx, ch.ID, c)
	if err != nil {
		return err
	}
	_, err = s.open(ctx, o, c, shown{knows: x.Knows, has: x.Has, is: x.Is}, charged{}, noUse)
	return err
}

func noUse(*guard.Tx) error { return nil }

// NewToken returns a token that nobody was given.
func NewToken(env strongroom.Environment) Token { return newToken(env) }

// CheckForm says whether text can be a token of env.
func CheckForm(text string, env strongroom.Environment) error { return checkForm(text, env) }

// Classes returns the classes of networks and devices of a caller.
func Classes(c Caller) (net, device string) { return network(c.Source), family(c.Agent) }
