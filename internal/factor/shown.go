package factor

import "strongroom/internal/seal"

// Shown is a text that is shown once to the person it belongs to. It prints as a
// redaction; only Reveal gives the text.
type Shown struct{ seal.Secret }

func shown(text string) Shown { return Shown{seal.SecretFrom(text)} }
