package gateway

import (
	"errors"
	"io"
	"slices"
	"strings"

	"strongroom"
)

// Sizes of a streamed answer, in bytes.
const (
	chunkSize  = 512 << 10 // a list is cut at the next element behind this
	maxElement = 8 << 20   // one element, and all that stands around a list
	readSize   = 64 << 10
)

// chunk is a part of an answer that is a whole body of its own: an envelope with
// some of the list's elements. Of what it is rendered to, head bytes at the
// beginning and tail bytes at the end belong to no answer.
type chunk struct {
	body       []byte
	head, tail int
	first      bool
	last       bool
}

// splitter cuts an answer into chunks while it is read, so that a list of any
// length is held one chunk at a time. It finds where elements end and judges
// nothing: every byte of the answer is in one chunk, and whoever treats the chunks
// parses them.
type splitter struct {
	in   io.Reader
	name string              // of the list, such as "orders"
	link func(string) string // replaces links to other pages
	buf  []byte              // from the end of the last chunk on
	err  error               // of in

	at       int // scanned up to here
	depth    int
	escaped  bool
	inString bool
	from     int // where the string began
	wantKey  bool
	key      string // the last key of the root
	bare     bool   // the answer is a list without envelope
	listed   bool   // the list was met
	level    int    // depth of the list's elements; 0 outside
	cut      int    // the last comma between elements; 0: none
	begun    bool   // a chunk was taken
	page     [2]int // where the value of "page" stands
	inPage   bool
	paged    bool // it was met
	odd      bool // a root that says something twice, or hides what it says
}

func newSplitter(in io.Reader, name string, link func(string) string) *splitter {
	return &splitter{in: in, name: name, link: link}
}

// next returns the next chunk, which is good until the call after it. After the
// last one it returns io.EOF.
func (s *splitter) next() (chunk, error) {
	if s.err != nil {
		return chunk{}, s.err
	}
	for {
		if len(s.buf) >= chunkSize && s.cut > 0 {
			return s.take(s.cut), nil
		}
		n := len(s.buf)
		s.buf = slices.Grow(s.buf, readSize)[:n+readSize]
		got, err := io.ReadAtLeast(s.in, s.buf[n:], readSize/2)
		s.buf = s.buf[:n+got]
		s.scan()
		if s.odd {
			s.err = strongroom.Faultf(strongroom.Unavailable, codeAnswer, "the root of the platform's answer says something twice, or hides what it says")
			return chunk{}, s.err
		}
		if len(s.buf) > maxElement && s.cut == 0 {
			s.err = strongroom.Faultf(strongroom.Unavailable, codeSize, "a part of the platform's answer is larger than %d bytes", maxElement)
			return chunk{}, s.err
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.err = io.EOF
			return s.rest(), nil
		case err != nil:
			s.err = err
			return chunk{}, err
		}
	}
}

// opener is what stands before elements that have lost their envelope.
func (s *splitter) opener() string { return `{"` + s.name + `":[` }

// take cuts a chunk off before the comma at end.
func (s *splitter) take(end int) chunk {
	c := chunk{first: !s.begun, tail: len("]}")}
	text := s.buf[:end]
	switch {
	case s.begun:
		c.head = len(s.opener())
		c.body = append([]byte(s.opener()), text...)
	case s.bare:
		c.head = len(s.opener()) - 1 // the list brings its own bracket
		c.body = append([]byte(s.opener()[:c.head]), text...)
	default:
		c.body = s.linked(nil, text)
	}
	c.body = append(c.body, "]}"...)
	s.drop(end + 1)
	s.begun = true
	return c
}

// rest returns what is left as the last chunk.
func (s *splitter) rest() chunk {
	c := chunk{first: !s.begun, last: true}
	switch {
	case s.begun && s.bare:
		c.head, c.tail = len(s.opener()), 1
		c.body = append(append([]byte(s.opener()), s.buf...), '}')
	case s.begun:
		c.head = len(s.opener())
		c.body = s.linked([]byte(s.opener()), s.buf)
	case s.bare:
		c.head, c.tail = len(s.opener())-1, 1
		c.body = append(append([]byte(s.opener()[:c.head]), s.buf...), '}')
	default:
		c.body = s.linked(nil, s.buf)
	}
	return c
}

// drop forgets what lies before n.
func (s *splitter) drop(n int) {
	s.buf = s.buf[:copy(s.buf, s.buf[n:])] // chunks have memory of their own
	s.at -= n
	s.from -= n
	s.cut = max(0, s.cut-n)
	s.page[0], s.page[1] = max(0, s.page[0]-n), max(0, s.page[1]-n)
}

// linked appends text with the links to other pages replaced.
func (s *splitter) linked(dst, text []byte) []byte {
	from, to := s.page[0], s.page[1]
	if from <= 0 || to <= from || to > len(text) || s.link == nil {
		return append(dst, text...)
	}
	dst = append(dst, text[:from]...)
	dst = appendLinks(dst, text[from:to], s.link)
	return append(dst, text[to:]...)
}

// scan looks at what was read and not looked at.
func (s *splitter) scan() {
	for s.at < len(s.buf) {
		if s.inString {
			s.scanString()
			continue
		}
		c := s.buf[s.at]
		switch c {
		case '"':
			s.inString, s.from = true, s.at+1
		case '{', '[':
			s.open(c)
		case '}', ']':
			s.close()
		case ',':
			s.comma()
		case ':':
			if s.depth == 1 && !s.bare {
				s.wantKey = false
				s.rootKey()
			}
		}
		s.at++
	}
}

// rootKey looks at a key at the root. Links are replaced under one "page"; one
// that is spelt with escapes, or comes again, would keep its own.
func (s *splitter) rootKey() {
	s.odd = s.odd || strings.Contains(s.key, `\`) || s.key == "page" && s.paged
	if s.key == "page" {
		s.inPage, s.paged, s.page[0] = true, true, s.at+1
	}
}

// scanString goes on to the end of the string, or of what was read.
func (s *splitter) scanString() {
	for s.at < len(s.buf) {
		if s.escaped {
			s.escaped = false
			s.at++
			continue
		}
		at := s.at
		for at < len(s.buf) && s.buf[at] != '"' && s.buf[at] != '\\' {
			at++
		}
		if s.at = at; at == len(s.buf) {
			return
		}
		s.at++
		if s.buf[s.at-1] == '\\' {
			s.escaped = true
			continue
		}
		s.inString = false
		if s.depth == 1 && s.wantKey {
			s.key = string(s.buf[s.from : s.at-1])
		}
		return
	}
}

func (s *splitter) open(c byte) {
	s.depth++
	switch {
	case s.depth == 1 && c == '[' && s.name != "":
		s.bare, s.listed, s.level = true, true, 1
	case s.depth == 1:
		s.wantKey = true
	case s.depth == 2 && !s.bare && !s.listed && c == '[' && s.key == s.name:
		s.listed, s.level = true, 2
	}
}

func (s *splitter) close() {
	s.depth--
	if s.level > 0 && s.depth < s.level {
		s.level = 0
	}
	if s.depth == 0 && s.inPage {
		s.inPage, s.page[1] = false, s.at
	}
}

func (s *splitter) comma() {
	switch {
	case s.level > 0 && s.depth == s.level:
		s.cut = s.at
	case s.depth == 1 && !s.bare:
		s.wantKey = true
		if s.inPage {
			s.inPage, s.page[1] = false, s.at
		}
	}
}
