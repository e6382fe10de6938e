package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes the rows as one JSON array.
func WriteJSON(w io.Writer, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(rows)
}

// WriteTable writes the rows for a person.
func WriteTable(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ENGINE\tWHAT\tCALLERS\tPRODUCT\tFLOOR\tRATIO\tBAR\t\tMS P50/P99 (FLOOR)\tCPU µS (FLOOR)\tNOTE")
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Incomplete }) {
		fmt.Fprintln(t, "INCOMPLETE: the run has not come to its end; these are the rows it has so far")
	}
	return t.Flush()
}

// Missed counts the rows that are not at their bar.
func Missed(rows []Row) int {
	n := 0
	for _, r := range rows {
		if !r.OK {
			n++
		}
	}
	return n
}

func (r Row) cells() []string {
	unit := ""
	if r.Unit != "ops/s" {
		unit = " " + r.Unit
	}
	callers, floor, lats, cpu, verdict := "-", "-", "-", "-", "ok"
	if r.Callers > 0 {
		callers = fmt.Sprint(r.Callers)
	}
	if r.Floor > 0 {
		floor = number(r.Floor) + unit
	}
	if r.ProductP50 > 0 {
		lats = fmt.Sprintf("%.2f/%.2f (%.2f/%.2f)", r.ProductP50, r.ProductP99, r.FloorP50, r.FloorP99)
	}
	if r.ProductCPU > 0 {
		cpu = fmt.Sprintf("%.0f (%.0f)", r.ProductCPU, r.FloorCPU)
	}
	if !r.OK {
		verdict = "MISSED"
	}
	return []string{r.Engine, r.Name, callers, number(r.Product) + unit, floor,
		fmt.Sprintf("%.2f", r.Ratio), fmt.Sprintf("%.2f", r.Bar), verdict, lats, cpu, r.Note}
}

func number(f float64) string {
	if f < 100 {
		return fmt.Sprintf("%.2f", f)
	}
	return thousands(int(f + 0.5))
}
