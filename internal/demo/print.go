package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printer writes the tour for a person: a headline for each step, what happened
// below it. Colour and redrawn lines are for terminals alone.
type printer struct {
	w    io.Writer
	live bool // a terminal
	step int
}

func (p *printer) style(code, s string) string {
	if !p.live {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) headline(s string) {
	p.step++
	fmt.Fprintf(p.w, "\n%s\n", p.style("1;36", fmt.Sprintf("%2d  %s", p.step, s)))
}

func (p *printer) say(format string, args ...any) {
	fmt.Fprintf(p.w, "    "+format+"\n", args...)
}

// redraw shows a passing state, on a terminal only.
func (p *printer) redraw(format string, args ...any) {
	if p.live {
		fmt.Fprintf(p.w, "\r\x1b[K    "+format, args...)
	}
}

func (p *printer) clear() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// bar draws how much of total is done.
func bar(done, total int64) string {
	const width = 24
	n := 0
	if total > 0 {
		n = int(min(done, total) * width / total)
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}

func (p *printer) table(rows [][]string) {
	t := tabwriter.NewWriter(p.w, 0, 4, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, "    "+strings.Join(row, "\t"))
	}
	_ = t.Flush() // the writer below is a terminal or a buffer; nothing to mend
}

// count writes an integer with separators.
func count[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

// shorten cuts a long text for a line of a table.
func shorten(s string, runes int) string {
	if r := []rune(s); len(r) > runes {
		return string(r[:runes-1]) + "…"
	}
	return s
}
