package federation

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"strongroom"
	"strongroom/internal/people"
)

// Format is how a feed is written.
type Format string

// The formats of a feed. The empty one is told from the first sign.
const (
	CSV  Format = "csv"
	JSON Format = "json"
)

// Bounds of a feed; they are ours.
const (
	maxFeed     = 16 << 20
	maxFeedRows = 100_000
)

// feedRow is one line of a feed.
type feedRow struct {
	line   int
	person string    // an id, or
	email  string    // an address
	ends   time.Time // the end of the employment; zero: now
	at     time.Time // when the reason to end came about; zero: the end
}

// event returns when the reason to end came about, or other where nothing is said.
func (r feedRow) event(other time.Time) time.Time {
	switch {
	case !r.at.IsZero():
		return r.at
	case !r.ends.IsZero():
		return r.ends
	}
	return other
}

func badFeed(what string) error {
	return strongroom.Faultf(strongroom.Invalid, "feed", "%s", what)
}

// parseFeed reads a feed whole. Lines that cannot be read are returned apart; a
// feed that cannot be told apart into lines is an error.
func parseFeed(src io.Reader, o Feed) ([]feedRow, []FailedLine, error) {
	text, err := io.ReadAll(io.LimitReader(src, maxFeed+1))
	if err != nil {
		return nil, nil, badFeed("the feed cannot be read")
	}
	if len(text) > maxFeed {
		return nil, nil, strongroom.Faultf(strongroom.TooLarge, "feed", "the feed is larger than 16 MiB")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return nil, nil, badFeed("the feed is not valid UTF-8")
	}
	if o.Format == "" {
		o.Format = CSV
		if t := bytes.TrimSpace(text); len(t) > 0 && (t[0] == '[' || t[0] == '{') {
			o.Format = JSON
		}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	switch o.Format {
	case CSV:
		return parseCSV(text, o.Zone)
	case JSON:
		return parseJSON(text, o.Zone)
	}
	return nil, nil, badFeed("the format of a feed is csv or json")
}

// column returns which column of ours a heading stands for, "" if none.
func column(heading string) string {
	h := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(heading))
	for name, spellings := range columns() {
		if slices.Contains(spellings, h) {
			return name
		}
	}
	return ""
}

func columns() map[string][]string {
	return map[string][]string{
		"id":    {"id", "person", "personid", "account"},
		"email": {"email", "mail", "emailaddress", "workemail", "username", "userprincipalname"},
		"ends":  {"ends", "end", "enddate", "lastday", "terminationdate", "lastworkingday"},
		"event": {"event", "eventtime", "eventat", "decidedat", "terminatedat", "timestamp"},
	}
}

func parseCSV(text []byte, zone *time.Location) (rows []feedRow, failed []FailedLine, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	if first, _, _ := bytes.Cut(text, []byte("\n")); bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	head, err := r.Read()
	if err != nil {
		return nil, nil, badFeed("the feed has no heading")
	}
	names := make([]string, len(head))
	for i, h := range head {
		names[i] = column(h)
		if names[i] != "" && slices.Contains(names[:i], names[i]) {
			return nil, nil, badFeed("two columns of the feed mean the same")
		}
	}
	if !slices.Contains(names, "id") && !slices.Contains(names, "email") {
		return nil, nil, badFeed("the feed has neither a column id nor a column email")
	}
	for len(rows)+len(failed) <= maxFeedRows {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, failed, nil
		}
		if err != nil {
			e, ok := errors.AsType[*csv.ParseError](err)
			if !ok {
				return nil, nil, badFeed("the feed cannot be read")
			}
			failed = append(failed, FailedLine{e.StartLine, "line"})
			continue
		}
		line, _ := r.FieldPos(0)
		values := map[string]string{}
		for i, c := range cells {
			if i < len(names) && names[i] != "" {
				values[names[i]] = strings.TrimSpace(c)
			}
		}
		row, code := makeRow(line, values, zone)
		if code != "" || len(cells) != len(names) {
			failed = append(failed, FailedLine{line, orText(code, "line")})
			continue
		}
		rows = append(rows, row)
	}
	return nil, nil, strongroom.Faultf(strongroom.TooLarge, "feed", "the feed has more than %d lines", maxFeedRows)
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// parseJSON reads a list of objects, or one object after another. The line of an
// entry is its place, from 1.
func parseJSON(text []byte, zone *time.Location) (rows []feedRow, failed []FailedLine, err error) {
	var all []entryJSON
	d := json.NewDecoder(bytes.NewReader(text))
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '[' {
		err = d.Decode(&all)
		if err == nil && !errors.Is(d.Decode(new(any)), io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	} else {
		for err == nil {
			var one entryJSON
			if err = d.Decode(&one); err == nil {
				all = append(all, one)
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, nil, badFeed("the feed is not a list of JSON objects")
	}
	if len(all) > maxFeedRows {
		return nil, nil, strongroom.Faultf(strongroom.TooLarge, "feed", "the feed has more than %d entries", maxFeedRows)
	}
	for i, one := range all {
		row, code := makeRow(i+1, one.values, zone)
		if one.bad {
			code = "line"
		}
		if code != "" {
			failed = append(failed, FailedLine{i + 1, code})
			continue
		}
		rows = append(rows, row)
	}
	return rows, failed, nil
}

// entryJSON is an object of a feed: the values of our columns. It is bad if two of its
// fields mean the same, or one is no text.
type entryJSON struct {
	values map[string]string
	bad    bool
}

// UnmarshalJSON reads an object field by field: a map would keep the last of two.
func (e *entryJSON) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return badFeed("an entry of the feed is no object")
	}
	e.values = map[string]string{}
	for d.More() {
		k, err := d.Token()
		var v any
		if err == nil {
			err = d.Decode(&v)
		}
		if err != nil {
			return err
		}
		heading, _ := k.(string)
		name := column(heading)
		if name == "" {
			continue
		}
		s, ok := v.(string)
		_, twice := e.values[name]
		e.bad = e.bad || twice || !ok && v != nil
		e.values[name] = strings.TrimSpace(s)
	}
	return nil
}

// makeRow reads the values of a line; code says what is wrong with them.
func makeRow(line int, values map[string]string, zone *time.Location) (r feedRow, code string) {
	r = feedRow{line: line, person: values["id"], email: values["email"]}
	switch {
	case r.person == "" && r.email == "":
		return r, "nobody"
	case r.person != "" && !people.IsID(r.person):
		return r, "id"
	}
	var ok bool
	if r.ends, ok = moment(values["ends"], zone, true); !ok {
		return r, "end"
	}
	if r.at, ok = moment(values["event"], zone, false); !ok {
		return r, "event"
	}
	return r, ""
}

// moment reads a time or a date. As the last day of work a date ends at its last
// moment; as a day something happened on it begins at its first.
func moment(s string, zone *time.Location, last bool) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Truncate(time.Microsecond), true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), true
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, false
	}
	if last {
		t = t.AddDate(0, 0, 1)
	}
	return t.UTC(), true
}
