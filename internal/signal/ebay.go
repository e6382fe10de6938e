package signal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"strongroom"
)

// deletion is eBay's notification.
type deletion struct {
	Metadata struct {
		Topic text `json:"topic"`
	} `json:"metadata"`
	Notification struct {
		ID   text `json:"notificationId"`
		Date text `json:"eventDate"`
		Data *struct {
			Username text `json:"username"`
			UserID   text `json:"userId"`
		} `json:"data"`
	} `json:"notification"`
}

// parseEBay reads eBay's account deletion: the shopper of all shops there.
func parseEBay(m Message) (Signal, error) {
	var d deletion
	if err := decode(m.Body, &d); err != nil {
		return Signal{}, err
	}
	if d.Metadata.Topic != "MARKETPLACE_ACCOUNT_DELETION" {
		return Signal{}, strongroom.Faultf(strongroom.Invalid, "signal-topic", "this address takes MARKETPLACE_ACCOUNT_DELETION alone")
	}
	n := &d.Notification
	if n.ID == "" || n.Data == nil || n.Data.UserID == "" && n.Data.Username == "" {
		return Signal{}, malformed("the notification has no number or names nobody")
	}
	s := Signal{Topic: RedactCustomer, Reference: string(n.ID), People: []Person{{ID: string(n.Data.UserID), Username: string(n.Data.Username)}}}
	if at, err := time.Parse(time.RFC3339Nano, string(n.Date)); err == nil {
		s.Issued = at.UTC()
	}
	return s, nil
}

// maxChallenge is the longest challenge code, in bytes.
const maxChallenge = 256

// Challenge answers eBay's question whether an address is ours: the hexadecimal
// SHA-256 of the code, the verification token and the address to the letter. Faults:
// Invalid (code), NotFound if no token and address are registered.
func Challenge(code string, s Sender) (string, error) {
	if code == "" || len(code) > maxChallenge || strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", strongroom.Faultf(strongroom.Invalid, "challenge-code", "a challenge code has 1 to %d printable signs", maxChallenge)
	}
	if s.Secret.IsZero() || s.Endpoint == "" {
		return "", strongroom.Faultf(strongroom.NotFound, "signal-secret", "no verification token is registered for this address")
	}
	h := sha256.New()
	h.Write([]byte(code))
	h.Write(s.Secret.b)
	h.Write([]byte(s.Endpoint))
	return hex.EncodeToString(h.Sum(nil)), nil
}
