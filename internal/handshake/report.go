package handshake

import (
	"slices"
	"time"
)

// State is what a check came to.
type State string

// The states of a check. Unknown is never counted as good.
const (
	OK      State = "ok"
	Warn    State = "warn"
	Fail    State = "fail"
	Unknown State = "unknown"
)

// Check is one line of a report. Advice says what to do when State is not OK.
type Check struct {
	Group  string `json:"group"` // version, suites, certificate or http
	Name   string `json:"name"`
	State  State  `json:"state"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// Report is what an endpoint speaks.
type Report struct {
	Address string    `json:"address"`
	Name    string    `json:"name"`               // the certificate had to be for
	Expires time.Time `json:"expires,omitzero"`   // the certificate's end
	Pin     string    `json:"pin,omitempty"`      // SHA-256 of the certificate's public key, in hex
	Print   string    `json:"print,omitempty"`    // SHA-256 of the certificate, in hex
	ALPN    string    `json:"protocol,omitempty"` // chosen of h2 and http/1.1
	Checks  []Check   `json:"checks"`
}

// Failed returns how many checks failed.
func (r Report) Failed() (n int) {
	for _, c := range r.Checks {
		if c.State == Fail {
			n++
		}
	}
	return n
}

// Find returns the check of a group by its name.
func (r Report) Find(group, name string) (Check, bool) {
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Group == group && c.Name == name })
	if i < 0 {
		return Check{}, false
	}
	return r.Checks[i], true
}

func (r *Report) add(group, name string, state State, found, advice string) {
	if state == OK {
		advice = ""
	}
	r.Checks = append(r.Checks, Check{group, name, state, found, advice})
}
