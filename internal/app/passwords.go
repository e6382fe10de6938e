package app

import (
	"strongroom"
	"strongroom/internal/password"
	"strongroom/internal/people"
)

// PasswordConfig says what no password may be, beyond the rules of the product.
type PasswordConfig struct {
	// Words are easy to guess here, such as names of the organisation and its products.
	Words []string `yaml:"words,omitempty"`
	// Breached is a file of SHA-1 hashes of passwords from breaches, sorted.
	Breached string `yaml:"breached,omitempty"`
}

// maxWords bounds the words of the place.
const maxWords = 200

func (c PasswordConfig) check() error {
	if len(c.Words) > maxWords {
		return strongroom.Faultf(strongroom.Invalid, "passwords", "passwords.words holds at most %d words", maxWords)
	}
	for _, w := range c.Words {
		if n := len([]rune(w)); n < 4 || n > 64 {
			return strongroom.Faultf(strongroom.Invalid, "passwords", "a word of passwords.words has 4 to 64 characters")
		}
	}
	if c.Breached != "" {
		_, err := password.Breached(c.Breached, []byte("what a list is tried with"))
		return err
	}
	return nil
}

func (c PasswordConfig) words() []string { return append([]string{"strongroom"}, c.Words...) }

// breached returns what looks into the list, nil where there is none.
func (c PasswordConfig) breached() people.Breached {
	if c.Breached == "" {
		return nil
	}
	return func(candidate []byte) (bool, error) { return password.Breached(c.Breached, candidate) }
}
