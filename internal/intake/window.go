package intake

import (
	"encoding/json"
	"time"
)

// progressMark is what is kept between syncs of a resource.
type progressMark struct {
	Done  time.Time `json:"done"`            // the end of the last window that was finished
	Open  bool      `json:"open,omitempty"`  // a window is begun and not finished
	Since time.Time `json:"since,omitzero"`  // what the open window was asked for with
	From  time.Time `json:"from,omitzero"`   // the open window
	To    time.Time `json:"to,omitzero"`     //
	Next  string    `json:"next,omitempty"`  // the page to go on with
	Count int       `json:"count,omitempty"` // objects in the window when it was begun; -1 unknown
}

// done returns where the next sync goes on: at the window's end, unless the
// window began behind the last one's end. What lies between was not asked for.
func (m progressMark) done() time.Time {
	if !m.Done.IsZero() && m.From.After(m.Done) {
		return m.Done
	}
	return m.To
}

func (m progressMark) window() Window { return Window{"updatedAt", m.From, m.To} }

// open begins a window that ends now.
func (r *run) open(m *progressMark, name string) {
	m.Open, m.Since, m.To, m.Next = true, r.q.Since, r.o.Clock.Now(), ""
	switch {
	case !r.q.Since.IsZero():
		m.From = r.q.Since
	case m.Done.IsZero():
		m.From = m.To.Add(-r.o.Reach)
	default:
		m.From = m.Done.Add(-r.o.Overlap)
	}
	m.Count = r.total(name, m.window())
}

// shrank reports whether the window holds fewer objects than when it was begun:
// then the pages moved up while they were read, and something may have slipped
// through.
func (r *run) shrank(m progressMark, name string) bool {
	if m.Count <= r.client.limit { // one page has nothing behind it
		return false
	}
	now := r.total(name, m.window())
	return now >= 0 && now < m.Count
}

// total asks how many objects a window holds; -1 if that fails, which harms
// nobody.
func (r *run) total(name string, w Window) int {
	body, err := r.client.fetch(r.ctx, name+"/count", r.client.query(w).Encode(), func(b []byte) error {
		_, err := countOf(b)
		return err
	})
	if err != nil {
		return -1
	}
	n, _ := countOf(body)
	return n
}

// countOf reads {"count":"29"} or {"count":29}.
func countOf(body []byte) (int, error) {
	var c struct {
		Count json.RawMessage
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return -1, errShape
	}
	text := c.Count
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	n := 0
	if err := json.Unmarshal(text, &n); err != nil || n < 0 {
		return -1, errShape
	}
	return n, nil
}
