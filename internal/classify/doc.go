// Package classify tells personal data and secrets from ordinary text, and
// brings identifiers into the one form that a blind index can compare.
//
// # Detection
//
// [Scan] finds every match in a text, [Has] stops at the first. Both walk the
// bytes once: a table of 256 byte classes finds the places where something may
// start (a word with digits, a group of digits, '+', '(', '@', '%'), and only
// there a validator per type looks closer. Nothing is allocated by Has and no
// regular expression is involved.
//
// The detector stands behind closed doors: it runs on every audit event, on
// every reference and id a caller may choose, and on the fields a field map
// declares clear. A false alarm there refuses honest work, so each type asks for
// evidence in the value itself:
//
//   - e-mail: local part, at sign (also %40 and \u0040, and "at" between marks,
//     as in jane.doe.at.example.com) and a domain that ends in letters;
//   - phone: a plus and a known country code, or the grouping of a national
//     format; a bare run of digits is never a phone number;
//   - card: the length and first digits of a known issuer, and the Luhn digit;
//   - IBAN: the country's length and the ISO 7064 remainder;
//   - IP: a dotted quad that is not a version, or a global IPv6 address;
//   - national id: shapes that are rarely anything else (SSN, CPF, CNPJ, RUT,
//     CUIT, CURP, RFC, NIR, codice fiscale), DNI and NIE with check letter;
//   - geo: a pair of coordinates with five decimals or more;
//   - secret: JSON web tokens, private keys, bearer values and API keys with
//     well-known prefixes.
//
// # What it does not see
//
// Names and street addresses cannot be told from words; a phone number without
// plus and separators, a postal code and a date of birth not from an order number
// or a date; a lone coordinate not from an amount. Digits of other scripts are
// not read. The vault never
// relies on the detector for such values: an unknown field counts as personal
// whatever it holds.
//
// Never a match: ids of the form prefix_ and 26 base32 characters, tokens, hex
// and base64 digests, UUIDs, ISO dates, integer times, counts, amounts,
// versions, and order numbers of up to 13 digits.
//
// # Normal forms
//
// [Email], [Phone], [PhoneTail], [Name], [PostalCode] and [NationalID] map the
// spellings of one identifier to one text. They are pure functions; equal people
// may still give different texts, different people seldom equal ones.
//
// All functions of the package are safe for concurrent use.
package classify
