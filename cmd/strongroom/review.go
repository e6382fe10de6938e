package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/review"
)

type reviewCmd struct {
	Open     reviewOpenCmd     `cmd:"" help:"Freeze who or what can reach information, for others to decide about."`
	List     reviewListCmd     `cmd:"" help:"List reviews and when the next are due."`
	Show     reviewShowCmd     `cmd:"" help:"Show a review with its entries."`
	Decide   reviewDecideCmd   `cmd:"" help:"Keep, change or remove entries that concern others."`
	Execute  reviewExecuteCmd  `cmd:"" help:"Take away what was not kept, and read back whether it is gone."`
	Close    reviewCloseCmd    `cmd:"" help:"Close a review; refused while something is undecided or still there."`
	Holders  reviewHoldersCmd  `cmd:"" help:"Name who may do an action."`
	Baseline reviewBaselineCmd `cmd:"" help:"Show the set of accounts and rights as it is, or as it was approved."`
	Approve  reviewApproveCmd  `cmd:"" help:"Make what is there the baseline."`
	Drift    reviewDriftCmd    `cmd:"" help:"Show what departs from the baseline, and rights that are not used."`
	Samples  reviewSamplesCmd  `cmd:"" help:"List the reveals of a month that somebody else is to judge."`
	Judge    reviewJudgeCmd    `cmd:"" help:"Say of a reveal whether it had to be known."`
	Outside  reviewOutsideCmd  `cmd:"" help:"Import, list, bind and end ways to information past the product."`
	Provider reviewProviderCmd `cmd:"" help:"Import and list the password rules of identity providers."`
}

type reviewView struct {
	ID      string      `json:"id"`
	Kind    string      `json:"kind"`
	Opened  string      `json:"opened_at"`
	Opener  string      `json:"opened_by"`
	Closed  string      `json:"closed_at,omitempty"`
	Digest  string      `json:"digest"`
	Entries int         `json:"entries"`
	Counts  *countsView `json:"counts,omitempty"`
}

type countsView struct {
	Decided  int `json:"decided"`
	Due      int `json:"due"`
	Verified int `json:"verified"`
}

type deadlineView struct {
	Kind    string `json:"kind"`
	Due     string `json:"due_at,omitempty"`
	Overdue bool   `json:"overdue"`
	Open    string `json:"open,omitempty"`
}

type itemView struct {
	ID        string   `json:"id"`
	Sort      string   `json:"sort"`
	Account   string   `json:"account"`
	Owner     string   `json:"owner"`
	Roles     []string `json:"roles"`
	Elevated  bool     `json:"elevated"`
	Stores    []string `json:"stores"`
	All       bool     `json:"all_stores"`
	System    string   `json:"system"`
	Privilege string   `json:"privilege"`
	Used      string   `json:"used_at"`
}

// what says in short what an item gives, and where.
func (i *itemView) what() (right, where string) {
	right, where = strings.Join(i.Roles, ","), strings.Join(i.Stores, ",")
	switch {
	case i.Sort == string(review.Outside):
		right, where = i.Privilege, i.System
	case i.Elevated:
		right = "elevation"
	}
	if i.All {
		where = "all"
	}
	return right, where
}

// kindArg is the argument of what is done to one kind of population.
type kindArg struct {
	instance
	scripted
	Kind string `arg:"" enum:"people,services" help:"people or services."`
}

type reviewOpenCmd struct{ kindArg }

func (r *reviewOpenCmd) Run(g *globals) error {
	return act(&r.instance, g, r.scripted, http.MethodPost, "/v1/reviews", nil, map[string]string{"kind": r.Kind}, func(x reviewView) error {
		fmt.Fprintln(g.out, x.ID)
		fmt.Fprintf(g.errs, "%d entries, SHA-256 %s\n", x.Entries, x.Digest)
		return nil
	})
}

type reviewListCmd struct {
	instance
	scripted
}

func (r *reviewListCmd) Run(g *globals) error {
	type answer struct {
		Reviews   []reviewView   `json:"reviews"`
		Deadlines []deadlineView `json:"deadlines"`
	}
	return act(&r.instance, g, r.scripted, http.MethodGet, "/v1/reviews", nil, nil, func(x answer) error {
		rows := make([][]string, len(x.Reviews))
		for i, v := range x.Reviews {
			rows[i] = []string{v.ID, v.Kind, v.Opened, v.Closed, strconv.Itoa(v.Entries)}
		}
		if err := table(g.out, "ID\tOF\tOPENED\tCLOSED\tENTRIES", rows); err != nil {
			return err
		}
		for _, d := range x.Deadlines {
			switch {
			case d.Due == "":
				fmt.Fprintf(g.errs, "%s: nobody to review yet\n", d.Kind)
			case d.Overdue:
				fmt.Fprintf(g.errs, "%s: overdue since %s\n", d.Kind, d.Due)
			default:
				fmt.Fprintf(g.errs, "%s: due %s\n", d.Kind, d.Due)
			}
		}
		return nil
	})
}

// onReview is the flags and argument of what is done to one review.
type onReview struct {
	instance
	scripted
	Review string `arg:"" help:"Id of the review."`
}

func (r *onReview) path(verb string) string { return "/v1/reviews/" + escape(r.Review) + verb }

type entryView struct {
	Entry    int      `json:"entry"`
	Item     itemView `json:"item"`
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason"`
	Verified string   `json:"verified_at"`
	Failure  string   `json:"failure"`
}

type reviewShowCmd struct {
	onReview
	Open bool `help:"Only the entries without a verdict."`
}

func (r *reviewShowCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		var head reviewView
		if err := c.call(g.ctx, http.MethodGet, r.path(""), nil, nil, &head); err != nil {
			return err
		}
		entries, err := c.entries(g, r.path("/entries"), r.Open)
		if err != nil {
			return err
		}
		if r.JSON {
			return printJSON(g.out, map[string]any{"review": head, "entries": entries})
		}
		state := "going on"
		if head.Closed != "" {
			state = "closed " + head.Closed
		}
		fmt.Fprintf(g.errs, "%s of %s, %s: %d of %d decided, %d to go, %d of them gone\n", head.ID, head.Kind, state,
			head.Counts.Decided, head.Entries, head.Counts.Due, head.Counts.Verified)
		return printEntries(g, entries)
	})
}

// entries walks the entries of a review.
func (c *client) entries(g *globals, path string, open bool) ([]json.RawMessage, error) {
	all, query := []json.RawMessage{}, url.Values{"limit": {"200"}}
	if open {
		query.Set("open", "true")
	}
	for {
		var page struct {
			Entries []json.RawMessage `json:"entries"`
			Next    string            `json:"next_cursor"`
		}
		if err := c.call(g.ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, err
		}
		if all = append(all, page.Entries...); page.Next == "" {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

func printEntries(g *globals, entries []json.RawMessage) error {
	rows := make([][]string, len(entries))
	for i, text := range entries {
		var e entryView
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		right, where := e.Item.what()
		state := e.Verdict
		switch {
		case e.Failure != "":
			state += ", refused: " + e.Failure
		case e.Verified != "":
			state += ", gone"
		}
		rows[i] = []string{strconv.Itoa(e.Entry), e.Item.Sort, e.Item.ID, e.Item.Account, right, where, e.Item.Used, state}
	}
	return table(g.out, "ENTRY\tWHAT\tID\tACCOUNT\tRIGHT\tWHERE\tUSED\tVERDICT", rows)
}

type reviewDecideCmd struct {
	onReview
	Entry   []string `arg:"" help:"Numbers of entries, or ranges such as 5-40; commas may part them."`
	Verdict string   `required:"" enum:"keep,change,remove" help:"keep, change or remove."`
	Reason  string   `required:"" enum:"needed,moved,left,unused,too-wide,unknown,other" help:"needed, moved, left, unused, too-wide, unknown or other."`
	Text    string   `help:"A sentence without personal data; other needs one."`
	Role    []string `help:"Of a change: the roles that stay."`
	Store   []string `help:"Of a change: the stores that stay."`
	All     bool     `name:"all-stores" help:"Of a change: all stores stay."`
	Until   string   `help:"Of a change: when it ends, such as 2026-12-31T00:00:00Z; default: as before."`
}

// decision is one verdict as the API takes it.
type decision struct {
	Entry   int            `json:"entry"`
	Verdict string         `json:"verdict"`
	Reason  string         `json:"reason"`
	Text    string         `json:"text,omitempty"`
	Wanted  map[string]any `json:"wanted,omitempty"`
}

func (r *reviewDecideCmd) Run(g *globals) error {
	numbers, err := ranges(r.Entry)
	if err != nil {
		return err
	}
	var wanted map[string]any
	if r.Verdict == string(review.Change) {
		wanted = map[string]any{"roles": r.Role, "stores": r.Store, "all_stores": r.All}
		if r.Until != "" {
			wanted["until"] = r.Until
		}
	}
	return r.with(g, func(c *client) error {
		for done := 0; done < len(numbers); {
			part := numbers[done:min(done+review.MaxBulk, len(numbers))]
			list := make([]decision, len(part))
			for i, n := range part {
				list[i] = decision{n, r.Verdict, r.Reason, r.Text, wanted}
			}
			in := map[string]any{"decisions": list, "confirm": len(list)}
			if err := c.call(g.ctx, http.MethodPost, r.path("/decisions"), nil, in, nil); err != nil {
				if done > 0 {
					fmt.Fprintf(g.errs, "%d entries were decided before the refusal, up to %d\n", done, numbers[done-1])
				}
				return err
			}
			done += len(part)
			step(g, done, len(numbers), "decided")
		}
		if r.JSON {
			return printJSON(g.out, map[string]int{"decided": len(numbers)})
		}
		return nil
	})
}

// step shows how far a long command has come.
func step(g *globals, done, all int, what string) {
	if all > review.MaxBulk || terminal(g.errs) {
		fmt.Fprintf(g.errs, "%d of %d %s\n", done, all, what)
	}
}

// maxRange bounds how many numbers a range names.
const maxRange = 100000

// ranges reads numbers and ranges of numbers, each once, in their order.
func ranges(args []string) (out []int, err error) {
	seen := map[int]bool{}
	for _, a := range strings.Split(strings.Join(args, ","), ",") {
		from, to, isRange := strings.Cut(a, "-")
		if !isRange {
			to = from
		}
		low, err1 := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || low < 1 || high < low || high-low > maxRange {
			return nil, strongroom.Faultf(strongroom.Invalid, "entry", "an entry is a number such as 7, or a range such as 5-40")
		}
		for n := low; n <= high; n++ {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out, nil
}

type executionView struct {
	Executed int `json:"executed"`
	Verified int `json:"verified"`
	Failed   int `json:"failed"`
	Waiting  int `json:"waiting"`
	Left     int `json:"left"`
}

type reviewExecuteCmd struct{ onReview }

func (r *reviewExecuteCmd) Run(g *globals) error {
	return r.with(g, func(c *client) error {
		var sum executionView
		for before := -1; ; before = sum.Left {
			var x executionView
			if err := c.call(g.ctx, http.MethodPost, r.path("/execute"), nil, nil, &x); err != nil {
				return err
			}
			sum.Executed, sum.Failed = sum.Executed+x.Executed, sum.Failed+x.Failed
			sum.Verified, sum.Waiting, sum.Left = x.Verified, x.Waiting, x.Left
			if x.Left == 0 || x.Left == before {
				break
			}
			fmt.Fprintf(g.errs, "%d done, %d left\n", sum.Executed, x.Left)
		}
		if r.JSON {
			return printJSON(g.out, sum)
		}
		_, err := fmt.Fprintf(g.out, "executed %d, read back as gone %d, refused %d, still there %d\n", sum.Executed, sum.Verified, sum.Failed, sum.Waiting)
		return err
	})
}

type reviewCloseCmd struct{ onReview }

func (r *reviewCloseCmd) Run(g *globals) error {
	return act(&r.instance, g, r.scripted, http.MethodPost, r.path("/close"), nil, nil, func(x reviewView) error {
		_, err := fmt.Fprintf(g.out, "closed %s: %d entries, %d taken away\n", x.Closed, x.Entries, x.Counts.Verified)
		return err
	})
}

type reviewHoldersCmd struct {
	instance
	scripted
	Action string `arg:"" help:"Action, such as key.rotate."`
}

func (r *reviewHoldersCmd) Run(g *globals) error {
	return list(&r.instance, g, r.scripted, "/v1/reviews/holders", "holders", queryOf("action", r.Action), "WHAT\tID\tACCOUNT\tOWNER\tRIGHT\tWHERE",
		func(x itemView) []string {
			right, where := x.what()
			return []string{x.Sort, x.ID, x.Account, x.Owner, right, where}
		})
}
