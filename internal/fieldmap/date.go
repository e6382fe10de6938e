package fieldmap

import "time"

// Dates arrive in five forms: ISO 8601 with an offset, with Z and fractions,
// with a blank and with or without an offset (none means UTC), seconds or
// milliseconds since 1970 as text or number, and RFC 2822.

// Years outside this window are no dates of an order.
var (
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseTime reads a date in any of the forms, with microsecond precision.
func parseTime(s []byte) (time.Time, bool) {
	t, ok := parseISO(s)
	if !ok {
		t, ok = parseEpoch(s)
	}
	if !ok && len(s) <= 40 && len(s) >= 16 {
		t, ok = parseMail(string(s))
	}
	if !ok || t.Before(earliest) || !t.Before(latest) {
		return time.Time{}, false
	}
	return t.UTC().Truncate(time.Microsecond), true
}

func parseMail(s string) (time.Time, bool) {
	layouts := [...]string{
		"Mon, _2 Jan 2006 15:04:05 -0700", "_2 Jan 2006 15:04:05 -0700",
		"Mon, _2 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700",
	}
	for _, l := range layouts {
		t, err := time.Parse(l, s)
		if err != nil {
			continue
		}
		if zone, off := t.Zone(); off == 0 && zone != "" && zone != "UTC" && zone != "GMT" {
			return time.Time{}, false // a zone name we cannot place
		}
		return t, true
	}
	return time.Time{}, false
}

func parseEpoch(s []byte) (time.Time, bool) {
	if len(s) < 9 || len(s) > 13 || skipDigits(s, 0) != len(s) {
		return time.Time{}, false
	}
	n := int64(0)
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	if len(s) >= 12 {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}

// parseISO is written by hand because an order holds seven dates and time.Parse
// would be the dearest part of the walk.
func parseISO(s []byte) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return time.Time{}, false
	}
	if len(s) == 10 {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), true
	}
	if len(s) < 16 || s[10] != 'T' && s[10] != ' ' && s[10] != 't' || s[13] != ':' {
		return time.Time{}, false
	}
	hour, ok1 := digits(s[11:13])
	minute, ok2 := digits(s[14:16])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return time.Time{}, false
	}
	sec, nano, rest, ok := parseSeconds(s[16:])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, sec, nano, time.UTC)
	return t.Add(-offset), true
}

func parseSeconds(s []byte) (sec, nano int, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != ':' {
		return 0, 0, s, true
	}
	if len(s) < 3 {
		return 0, 0, nil, false
	}
	if sec, ok = digits(s[1:3]); !ok || sec > 60 {
		return 0, 0, nil, false
	}
	s = s[3:]
	if len(s) > 0 && (s[0] == '.' || s[0] == ',') {
		end := skipDigits(s, 1)
		if end == 1 || end > 10 {
			return 0, 0, nil, false
		}
		nano, _ = digits(s[1:end])
		for range 10 - end {
			nano *= 10
		}
		s = s[end:]
	}
	return sec, nano, s, true
}

func parseOffset(s []byte) (time.Duration, bool) {
	if len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	switch {
	case len(s) == 0, string(s) == "Z", string(s) == "z", string(s) == "UTC", string(s) == "GMT":
		return 0, true
	case len(s) == 6 && s[3] == ':', len(s) == 5, len(s) == 3:
	default:
		return 0, false
	}
	hours, ok := digits(s[1:3])
	minutes := 0
	if ok && len(s) > 3 {
		minutes, ok = digits(s[len(s)-2:])
	}
	if !ok || hours > 15 || minutes > 59 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		d = -d
	}
	return d, true
}

func digits(s []byte) (n int, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
