package keys

import (
	"slices"
	"time"

	"strongroom"
)

// Use is what a key of the keyring is for. A key has one use for life.
type Use uint8

// The uses. Token to Credential are keys a store has one of; the others belong
// to the instance or to a calendar month.
const (
	Token       Use = iota + 1 // makes and reads the store's tokens
	Ident                      // names records by keyed hash of their external id
	Pseudonym                  // makes the store's pseudonyms
	Merchant                   // seals data about the merchant
	Credential                 // seals the store's credentials
	indexUse                   // blind index of a store, per calendar month
	epochUse                   // wraps data keys
	logMACUse                  // hashes references for the log, per calendar month
	logSignUse                 // signs checkpoints
	instanceUse                // what belongs to no store; derived per purpose
)

var useNames = [...]string{
	Token: "token", Ident: "ident", Pseudonym: "pseudonym", Merchant: "merchant", Credential: "credential",
	indexUse: "index", epochUse: "epoch", logMACUse: "log-mac", logSignUse: "log-sign", instanceUse: "instance",
}

// String returns the use's name as the keyring spells it.
func (u Use) String() string {
	if int(u) < len(useNames) && u != 0 {
		return useNames[u]
	}
	return "unknown"
}

// StoreUses lists the uses a store has one key for.
func StoreUses() []Use { return []Use{Token, Ident, Pseudonym, Merchant, Credential} }

func parseUse(s string) (Use, bool) {
	i := slices.Index(useNames[1:], s)
	return Use(i + 1), i >= 0
}

// period is a calendar month in UTC, counted from year 0; 0 is none.
type period uint32

func periodOf(t time.Time) period {
	t = t.UTC()
	return period(t.Year()*12 + int(t.Month()) - 1)
}

// PeriodOf returns the calendar month of t in UTC, as "2026-11".
func PeriodOf(t time.Time) string { return t.UTC().Format(periodLayout) }

const periodLayout = "2006-01"

func parsePeriod(s string) (period, error) {
	t, err := time.Parse(periodLayout, s)
	if err != nil {
		return 0, strongroom.Faultf(strongroom.Invalid, "period", "a period is a calendar month such as 2026-11")
	}
	return periodOf(t), nil
}

func (p period) String() string {
	return time.Date(int(p/12), time.Month(p%12)+1, 1, 0, 0, 0, 0, time.UTC).Format(periodLayout)
}
