package people

import (
	"context"

	"strongroom"
	"strongroom/internal/password"
)

// Guess is an attempt at the present password that was counted before it is looked
// at (DPP 2.2.9).
type Guess interface {
	// Right takes the count back: it was right, or nobody came to look at it.
	Right(ctx context.Context)
	// Wrong lets the count stand and returns err, once what follows from it is done.
	Wrong(ctx context.Context, err error) error
}

// uncounted is the guess of a [People] that counts none.
type uncounted struct{}

func (uncounted) Right(context.Context)                    {}
func (uncounted) Wrong(_ context.Context, err error) error { return err }

// present checks the present password that somebody shows to set another.
func (p *People) present(ctx context.Context, who strongroom.Actor, h hashed, old []byte) error {
	g, err := p.o.Guess(ctx, who)
	if err != nil {
		return err
	}
	normal, err := password.Normal(old)
	ok := false
	if err == nil {
		defer clear(normal)
		if ok, err = p.matches(ctx, who.ID, normal, h); err != nil {
			g.Right(ctx)
			return err
		}
	}
	if !ok {
		return g.Wrong(ctx, strongroom.Faultf(strongroom.Denied, "password-wrong", "the present password is another"))
	}
	g.Right(ctx)
	return nil
}
