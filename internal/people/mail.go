package people

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"strongroom"
)

// maxMail is the longest address (RFC 5321, 4.5.3.1.3).
const maxMail = 254

// foldMail returns the one form in which an address is compared: lower case and
// NFKC, the domain in its ASCII form, without what follows a plus sign, and for the
// one provider that ignores dots without dots. Two spellings that reach one
// mailbox should not make two accounts.
func foldMail(address string) (string, error) {
	bad := strongroom.Faultf(strongroom.Invalid, "email", "the address must be one plain e-mail address").
		Advise("write it as name@example.com, without a display name")
	a, err := mail.ParseAddress(address)
	if err != nil || len(address) > maxMail || a.Name != "" || a.Address != address {
		return "", bad
	}
	at := strings.LastIndexByte(address, '@')
	local := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(address[:at])))
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !strings.Contains(domain, ".") {
		return "", bad
	}
	if head, _, ok := strings.Cut(local, "+"); ok && head != "" {
		local = head
	}
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	if local == "" {
		return "", bad
	}
	return local + "@" + domain, nil
}

// mailDigest is the blind index of an address: equal for equal folded forms, and
// of no use without the key.
func (p *People) mailDigest(folded string) []byte {
	d := p.mac.MAC([]byte("mail"), []byte(folded))
	return d[:]
}
