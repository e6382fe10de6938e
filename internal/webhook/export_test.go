package webhook

import (
	"context"

	"strongroom/internal/seal"
)

// SecretOf returns the secret that a text is.
func SecretOf(text string) Secret { return Secret{seal.SecretFrom(text)} }

// Tend does what the job does.
func (w *Webhooks) Tend(ctx context.Context) error { return w.runTend(ctx, nil) }

// ShapeOf returns what a delivery is about.
func ShapeOf(body []byte, resource, action string) (res, act, id string, whole, left bool, err error) {
	s, err := shapeOf(body, resource, action)
	return s.resource, s.action, s.id, s.whole, s.left, err
}

// Tokenise is what is done to a request for rates.
func (w *Webhooks) Tokenise(body []byte) ([]byte, error) { return w.tokenise(body) }
