package session

import (
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

const kindOfTokens = "srs" // what tokens begin with, before the environment

// Token is what the holder of a session shows with every call. It prints as a
// redaction; only Reveal gives the text, to be handed to the browser once.
type Token struct{ seal.Secret }

func newToken(env strongroom.Environment) Token {
	return Token{seal.NewSecret(env.Prefix(kindOfTokens))}
}

// IsToken reports whether text has the form of a session's token of either
// environment; a door tells sessions from API keys by it.
func IsToken(text string) bool {
	return strings.HasPrefix(text, strongroom.Production.Prefix(kindOfTokens)) || strings.HasPrefix(text, strongroom.Test.Prefix(kindOfTokens))
}

// checkForm says whether text can be a token of env at all. It looks nothing up.
func checkForm(text string, env strongroom.Environment) error {
	if text == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-missing", "the call carries no session").Advise("sign in")
	}
	if !seal.IsSecret(strongroom.Production.Prefix(kindOfTokens), text) && !seal.IsSecret(strongroom.Test.Prefix(kindOfTokens), text) {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-form", "this is not a whole session token").Advise("sign in again")
	}
	if !strings.HasPrefix(text, env.Prefix(kindOfTokens)) {
		return strongroom.Faultf(strongroom.Unauthenticated, "session-environment", "the session belongs to another environment")
	}
	return nil
}
