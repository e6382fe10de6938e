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

func badMail() *strongroom.Fault {
	return strongroom.Faultf(strongroom.Invalid, "email", "the address must be one plain e-mail address").
		Advise("write name, at sign and domain, without a display name")
}

// splitMail returns the two halves of an address, the domain in its ASCII form.
func splitMail(address string) (local, domain string, err error) {
	a, err := mail.ParseAddress(address)
	if err != nil || len(address) > maxMail || a.Name != "" || a.Address != address {
		return "", "", badMail()
	}
	at := strings.LastIndexByte(address, '@')
	domain, err = idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !strings.Contains(domain, ".") {
		return "", "", badMail()
	}
	return address[:at], domain, nil
}

// sameMail reports whether two addresses are one and the same but for the case of
// ASCII letters and the form of the domain. Letters that only look alike, or become
// alike in lower case such as the Kelvin sign, are others. What is no address is the
// same as nothing.
func sameMail(a, b string) bool {
	la, da, erra := splitMail(a)
	lb, db, errb := splitMail(b)
	return erra == nil && errb == nil && lowerASCII(la) == lowerASCII(lb) && da == db
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// foldMail returns the one form in which an address is compared where an account is
// made: lower case and NFKC, the domain in its ASCII form, without what follows a plus
// sign, and for the one provider that ignores dots without dots. Two spellings that may
// reach one mailbox should not make two accounts. They are no proof that two people
// are one: for that see [sameMail].
func foldMail(address string) (string, error) {
	local, domain, err := splitMail(address)
	if err != nil {
		return "", err
	}
	local = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(local)))
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
		return "", badMail()
	}
	return local + "@" + domain, nil
}

// mailDigest is the blind index of an address: equal for equal folded forms, and
// of no use without the key.
func (p *People) mailDigest(folded string) []byte {
	d := p.mac.MAC([]byte("mail"), []byte(folded))
	return d[:]
}
