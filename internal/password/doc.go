// Package password holds the rules a password must obey (DPP 2.4.1 to 2.4.6), as
// pure code: no storage, no clock, no randomness. [Profile.Refuse] judges a
// candidate for the person it is meant for; people, who own the passwords, ask it
// before they hash one.
//
// What holds:
//
//   - A [Profile] may be stricter than the policy, never weaker: [Profile.Check]
//     refuses it. History and ages are numbers here; they are applied where the
//     old passwords are.
//   - Characters are counted as a reader sees them, after normal form NFKC. Where
//     that is in doubt the smaller count is taken. What is hashed is [Normal] of
//     what was typed, so that one text has one password.
//   - A part of the name is refused in any case, with or without accents, in
//     compatibility forms, reversed, and transliterated letter by letter from
//     Latin, Cyrillic and Greek; whole name parts also with digits for letters.
//     Other scripts are compared in themselves: the pinyin of a Chinese name, its
//     traditional characters, or the Latin spelling of an Arabic one, is not known
//     here unless the name or the address is kept in that spelling too.
//   - Where names are written without spaces, in Han and Hangul, every character
//     counts as a name part, since family and given name cannot be told apart.
//   - All problems are told at once, and no message repeats the candidate, the
//     name or the address.
//
// The policy asks for classes and ages that current advice (NIST SP 800-63B)
// does not; they bind wherever there is a password. The list of common passwords
// and the rule against runs and repeats are ours, and answer to that advice.
package password
