package session

import (
	"time"

	"strongroom"
)

// Profile holds the numbers of sign-in. All of them are ours: DPP 2.2.5 and 2.2.9
// name no figure. They count in real time.
type Profile struct {
	Idle     time.Duration // a session unused for so long is over
	Absolute time.Duration // a session is over after so long, used or not
	Ceremony time.Duration // how long a sign-in may take

	Failures    int           // failures in a row, per account and per source, before waiting begins
	FirstWait   time.Duration // the wait after the last of these; each further failure doubles it
	LongestWait time.Duration // the longest wait
	Waits       int           // waits before an account is locked until another person unlocks it
	Forget      time.Duration // failures at an account are forgotten when there was none for so long
	// ForgetSource is that of sources: many people may share one.
	ForgetSource time.Duration

	Known time.Duration // how long a network or device a person signed in from is remembered
	Keep  time.Duration // how long an ended session is kept, with its addresses
}

// DefaultProfile returns the numbers of the product.
func DefaultProfile() Profile {
	return Profile{
		Idle: 15 * time.Minute, Absolute: 12 * time.Hour, Ceremony: 5 * time.Minute,
		Failures: 10, FirstWait: time.Second, LongestWait: 15 * time.Minute, Waits: 10,
		Forget: 24 * time.Hour, ForgetSource: time.Hour,
		Known: 90 * 24 * time.Hour, Keep: 30 * 24 * time.Hour,
	}
}

// Check refuses a profile that is weaker than the product's own. A stricter one
// may have any number above zero.
func (p Profile) Check() error {
	d := DefaultProfile()
	for _, x := range []struct {
		what      string
		got, most time.Duration
	}{
		{"idle", p.Idle, time.Hour}, {"absolute", p.Absolute, 24 * time.Hour}, {"ceremony", p.Ceremony, d.Ceremony},
		{"known", p.Known, d.Known}, {"keep", p.Keep, d.Keep}, {"first wait", p.FirstWait, p.LongestWait},
	} {
		if x.got <= 0 || x.got > x.most {
			return strongroom.Faultf(strongroom.Invalid, "session-profile", "the profile's %s must be above zero and at most %v", x.what, x.most)
		}
	}
	if p.Failures < 1 || p.Failures > d.Failures || p.Waits < 1 || p.Waits > d.Waits {
		return strongroom.Faultf(strongroom.Invalid, "session-profile", "the profile must allow 1 to %d failures and 1 to %d waits", d.Failures, d.Waits)
	}
	if p.FirstWait < d.FirstWait || p.LongestWait < d.LongestWait || p.Forget < d.Forget || p.ForgetSource < d.ForgetSource {
		return strongroom.Faultf(strongroom.Invalid, "session-profile",
			"the profile must wait at least %v, in the end %v, and forget failures after %v at an account and %v from a source",
			d.FirstWait, d.LongestWait, d.Forget, d.ForgetSource)
	}
	return nil
}

// wait returns how long nobody may try after so many failures in a row, and
// whether there is no end to it where counters can close.
func (p Profile) wait(failures int) (wait time.Duration, closed bool) {
	n := failures - p.Failures
	if n < 0 {
		return 0, false
	}
	wait = p.LongestWait
	if n < 30 {
		wait = min(p.FirstWait<<n, p.LongestWait)
	}
	return wait, n >= p.Waits
}
