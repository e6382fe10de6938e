package identity

import (
	"strings"

	"strongroom"
	"strongroom/internal/seal"
)

const kindOfKeys = "sr" // what keys begin with, before the environment

// Secret is an API key as its owner holds it. It prints as a redaction; only
// Reveal gives the text, to be shown once to who made it.
type Secret struct{ seal.Secret }

func newSecret(env strongroom.Environment) Secret {
	return Secret{seal.NewSecret(env.Prefix(kindOfKeys))}
}

// checkForm says whether text can be a key of env at all. It looks nothing up.
func checkForm(text string, env strongroom.Environment) error {
	if text == "" {
		return strongroom.Faultf(strongroom.Unauthenticated, "key-missing", "the call carries no key").
			Advise("send Authorization: Bearer sr_…")
	}
	here, live, test := env.Prefix(kindOfKeys), strongroom.Production.Prefix(kindOfKeys), strongroom.Test.Prefix(kindOfKeys)
	switch {
	case len(text) != len(here)+seal.SecretChars || !strings.HasPrefix(text, live) && !strings.HasPrefix(text, test):
		return strongroom.Faultf(strongroom.Unauthenticated, "key-form", "this is not a Strongroom key")
	case !strings.HasPrefix(text, here):
		return strongroom.Faultf(strongroom.Unauthenticated, "key-environment", "the key belongs to another environment")
	case !seal.IsSecret(here, text):
		return strongroom.Faultf(strongroom.Unauthenticated, "key-form", "the key is damaged").
			Advise("check that it was copied whole")
	}
	return nil
}
