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
	maxFeedLine = 64 << 10 // bytes of a line of CSV
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
	src := &sips{src: bytes.NewReader(text), left: maxFeedLine}
	r := csv.NewReader(src)
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	if first, _, _ := bytes.Cut(text, []byte("\n")); bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	head, err := r.Read()
	if err != nil {
		return nil, nil, badFeed("the feed has no heading that can be read")
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
		src.left = maxFeedLine
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

// sips hands out a text up to so many bytes, so that one line without end takes no
// memory without end: cells weigh many times what is written of them.
type sips struct {
	src  io.Reader
	left int
}

// Read reads on, as long as there is something left for the line.
func (s *sips) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, badFeed("a line of the feed is too long")
	}
	n, err := s.src.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
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
	d := json.NewDecoder(bytes.NewReader(text))
	list := bytes.HasPrefix(bytes.TrimSpace(text), []byte("["))
	if list {
		_, err = d.Token()
	}
	n := 0
	for ; err == nil && (!list || d.More()); n++ {
		var one entryJSON
		if err = d.Decode(&one); err != nil {
			if list { // it ends in the midst
				err = io.ErrUnexpectedEOF
			}
			break
		}
		if n == maxFeedRows {
			return nil, nil, strongroom.Faultf(strongroom.TooLarge, "feed", "the feed has more than %d entries", maxFeedRows)
		}
		row, code := makeRow(n+1, one.values, zone)
		if one.bad {
			code = "line"
		}
		if code != "" {
			failed = append(failed, FailedLine{n + 1, code})
			continue
		}
		rows = append(rows, row)
	}
	if list && err == nil { // what comes is the end of the list, and then of the feed
		if end, _ := d.Token(); end == json.Delim(']') {
			_, err = d.Token()
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, nil, badFeed("the feed is not a list of JSON objects")
	}
	return rows, failed, nil
}

// entryJSON is an object of a feed: the values of our columns. It is bad if two of its
// fields mean the same, or one is no text.
type entryJSON struct {
	values map[string]string
	bad    bool
}

// UnmarshalJSON reads an object field by field: a map would keep the last of two. What
// is no text is not looked into.
func (e *entryJSON) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return badFeed("an entry of the feed is no object")
	}
	e.values = map[string]string{}
	for d.More() {
		k, err := d.Token()
		var v json.RawMessage
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
		s := ""
		_, twice := e.values[name]
		e.bad = e.bad || twice || json.Unmarshal(v, &s) != nil // null is no value
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
