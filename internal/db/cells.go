package db

import (
	"slices"
	"time"
)

// Micros returns t as the engines store it: Unix time in microseconds.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time returns the instant, in UTC, of Unix time in microseconds.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// MicrosOrZero returns what [Micros] does, and 0 for no time: a column of a time
// that may be absent.
func MicrosOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return Micros(t)
}

// TimeOrZero returns what [Time] does, and no time for 0.
func TimeOrZero(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return Time(us)
}

// Place returns the number that a member of a closed list is stored as: its place,
// from 1, and 0 for none. A list only grows at its end.
func Place[T comparable](list []T, v T) int64 { return int64(slices.Index(list, v) + 1) }

// At undoes [Place]. It returns the zero value for a number that is no place.
func At[T any](list []T, n int64) (v T) {
	if n < 1 || n > int64(len(list)) {
		return v
	}
	return list[n-1]
}
