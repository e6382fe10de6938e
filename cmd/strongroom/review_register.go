package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"strongroom"
	"strongroom/internal/review"
)

type baselineView struct {
	Kind    string     `json:"kind"`
	Version int        `json:"version"`
	Digest  string     `json:"digest"`
	Items   []itemView `json:"items"`
	Waits   bool       `json:"waits"`
}

type reviewBaselineCmd struct {
	kindArg
	Approved bool `help:"As it was approved, in the place of what is there."`
}

func (r *reviewBaselineCmd) Run(g *globals) error {
	path := "/v1/baselines/" + r.Kind
	if !r.Approved {
		path += "/present"
	}
	return act(&r.instance, g, r.scripted, http.MethodGet, path, nil, nil, func(x baselineView) error {
		rows := make([][]string, len(x.Items))
		for i, it := range x.Items {
			right, where := it.what()
			rows[i] = []string{it.Sort, it.ID, it.Account, right, where}
		}
		if err := table(g.out, "WHAT\tID\tACCOUNT\tRIGHT\tWHERE", rows); err != nil {
			return err
		}
		fmt.Fprintf(g.out, "digest %s\n", x.Digest)
		if !r.Approved {
			fmt.Fprintf(g.errs, "if it is right: strongroom review approve %s %s\n", r.Kind, x.Digest)
		}
		return nil
	})
}

type reviewApproveCmd struct {
	kindArg
	Digest string `arg:"" help:"Digest of what you have seen, as baseline prints it."`
}

func (r *reviewApproveCmd) Run(g *globals) error {
	in := map[string]string{"digest": r.Digest}
	return act(&r.instance, g, r.scripted, http.MethodPost, "/v1/baselines/"+r.Kind+"/approve", nil, in, func(x baselineView) error {
		if x.Waits {
			_, err := fmt.Fprintf(g.out, "it waits: the approved baseline is damaged or gone; within seven days somebody else runs: strongroom review approve %s %s\n", x.Kind, x.Digest)
			return err
		}
		_, err := fmt.Fprintf(g.out, "baseline %d of %s: %d items\n", x.Version, x.Kind, len(x.Items))
		return err
	})
}

type reviewDriftCmd struct{ kindArg }

func (r *reviewDriftCmd) Run(g *globals) error {
	type answer struct {
		Findings []struct {
			Flaw string   `json:"flaw"`
			Item itemView `json:"item"`
		} `json:"findings"`
		Proposals []struct {
			Item itemView `json:"item"`
			Used []string `json:"used"`
			To   itemView `json:"to"`
		} `json:"proposals"`
	}
	return act(&r.instance, g, r.scripted, http.MethodGet, "/v1/baselines/"+r.Kind+"/drift", nil, nil, func(x answer) error {
		rows := make([][]string, 0, len(x.Findings)+len(x.Proposals))
		for _, f := range x.Findings {
			right, where := f.Item.what()
			rows = append(rows, []string{f.Flaw, f.Item.ID, f.Item.Account, right, where, ""})
		}
		for _, p := range x.Proposals {
			right, where := p.Item.what()
			less, at := p.To.what()
			if less == "" {
				less, at = "nothing", ""
			}
			rows = append(rows, []string{"too wide", p.Item.ID, p.Item.Account, right, where, strings.TrimSpace(less + " " + at)})
		}
		return table(g.out, "FINDING\tID\tACCOUNT\tRIGHT\tWHERE\tENOUGH WOULD BE", rows)
	})
}

type reviewSamplesCmd struct {
	instance
	scripted
	Month string `arg:"" help:"Month, such as 2026-10."`
}

func (r *reviewSamplesCmd) Run(g *globals) error {
	type answer struct {
		Drawn   string `json:"drawn_at"`
		Reveals int    `json:"reveals"`
		Open    int    `json:"open"`
		Stale   bool   `json:"stale"`
		Samples []struct {
			Position  int64  `json:"position"`
			Actor     string `json:"actor"`
			Store     string `json:"store"`
			Record    string `json:"record"`
			Purpose   string `json:"purpose"`
			At        string `json:"at"`
			Judgement string `json:"judgement"`
		} `json:"samples"`
	}
	return act(&r.instance, g, r.scripted, http.MethodGet, "/v1/samples/"+escape(r.Month), nil, nil, func(x answer) error {
		rows := make([][]string, len(x.Samples))
		for i, s := range x.Samples {
			rows[i] = []string{strconv.FormatInt(s.Position, 10), s.At, s.Actor, s.Purpose, s.Store, s.Record, s.Judgement}
		}
		if err := table(g.out, "POSITION\tAT\tOPENED BY\tPURPOSE\tSTORE\tRECORD\tJUDGEMENT", rows); err != nil {
			return err
		}
		switch {
		case x.Drawn == "":
			fmt.Fprintln(g.errs, "no samples were drawn; they are once a month is over, from the first on")
		default:
			fmt.Fprintf(g.errs, "%d of %d reveals were drawn, %d wait\n", len(x.Samples), x.Reveals, x.Open)
		}
		if x.Stale {
			fmt.Fprintln(g.errs, "the month is late")
		}
		return nil
	})
}

type reviewJudgeCmd struct {
	instance
	Month     string `arg:"" help:"Month, such as 2026-10."`
	Position  int64  `arg:"" help:"Position of the reveal in the log."`
	Judgement string `required:"" enum:"justified,unjustified,unclear" help:"justified, unjustified or unclear."`
	Text      string `help:"A sentence without personal data."`
}

func (r *reviewJudgeCmd) Run(g *globals) error {
	in := map[string]any{"position": r.Position, "judgement": r.Judgement, "text": r.Text}
	return r.tell(g, http.MethodPost, "/v1/samples/"+escape(r.Month)+"/judge", in)
}

type reviewOutsideCmd struct {
	Import outsideImportCmd `cmd:"" help:"Take in the whole list of who can reach a system; what is not listed has ended."`
	List   outsideListCmd   `cmd:"" help:"List ways to information past the product."`
	Bind   outsideBindCmd   `cmd:"" help:"Say whose a way is."`
	End    outsideEndCmd    `cmd:"" help:"Say that a way was closed in its system."`
}

type outsideImportCmd struct {
	instance
	scripted
	System    string `arg:"" help:"Your name of the system, such as db-1."`
	File      string `arg:"" optional:"" help:"List of accounts: CSV with the columns account, privilege and bound, or JSON; - is standard input."`
	Sort      string `required:"" enum:"database,host,kms,bucket,provider,portal" help:"database, host, kms, bucket, provider or portal."`
	Catalogue bool   `help:"The roles of the PostgreSQL below, in the place of a file."`
	DryRun    bool   `help:"Say what it would come to, and change nothing."`
	Confirm   bool   `help:"Take it in also where it ends all ways of the system or most of them."`
}

func (o *outsideImportCmd) Run(g *globals) error {
	if (o.File == "") != o.Catalogue {
		return fmt.Errorf("%w: name a file, or --catalogue", errUsage)
	}
	return o.with(g, func(c *client) error {
		accounts, err := o.accounts(g, c)
		if err != nil {
			return err
		}
		var n struct {
			Added    int  `json:"added"`
			Kept     int  `json:"kept"`
			Ended    int  `json:"ended"`
			Unbound  int  `json:"unbound"`
			Sweeping bool `json:"sweeping"`
		}
		in := map[string]any{"system": o.System, "sort": o.Sort, "accounts": accounts, "dry_run": o.DryRun, "confirm": o.Confirm}
		if err := c.call(g.ctx, http.MethodPost, "/v1/register/import", nil, in, &n); err != nil {
			return err
		}
		if o.JSON {
			return printJSON(g.out, n)
		}
		would := ""
		if o.DryRun {
			would = "would be: "
		}
		if o.DryRun && n.Sweeping {
			fmt.Fprintln(g.errs, "that is all ways of the system or most of them: if the list is whole, import it with --confirm")
		}
		_, err = fmt.Fprintf(g.out, "%s%d added, %d kept, %d ended; %d are nobody's\n", would, n.Added, n.Kept, n.Ended, n.Unbound)
		return err
	})
}

// accounts reads the list from the file or the catalogue.
func (o *outsideImportCmd) accounts(g *globals, c *client) ([]review.Listed, error) {
	if o.Catalogue {
		var x struct {
			Roles    bool            `json:"has_roles"`
			Accounts []review.Listed `json:"accounts"`
		}
		err := c.call(g.ctx, http.MethodGet, "/v1/register/catalogue", nil, nil, &x)
		if err == nil && !x.Roles {
			err = strongroom.Faultf(strongroom.Conflict, "catalogue", "the embedded engine has no roles").
				Advise("its ways are the accounts of the host: import them with --sort host")
		}
		return x.Accounts, err
	}
	text, err := readAll(g, o.File)
	if err != nil {
		return nil, err
	}
	if t := strings.TrimSpace(string(text)); strings.HasPrefix(t, "[") || strings.HasPrefix(t, "{") {
		return review.ParseJSON(text)
	}
	return review.ParseCSV(text)
}

// maxFile is the largest file that is read whole, in bytes.
const maxFile = 8 << 20

func readAll(g *globals, file string) ([]byte, error) {
	f, err := open(g, file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = strongroom.Faultf(strongroom.TooLarge, "file", "the input file has more than %d bytes", maxFile)
	}
	return text, err
}

type wayView struct {
	ID        string `json:"id"`
	System    string `json:"system"`
	Sort      string `json:"sort"`
	Account   string `json:"account"`
	Privilege string `json:"privilege"`
	Bound     string `json:"bound"`
	Seen      string `json:"seen_at"`
	Ended     string `json:"ended_at"`
}

type outsideListCmd struct {
	instance
	scripted
	Live    bool   `help:"Those that have not ended."`
	Account string `help:"Those that are or were of one person or service."`
}

func (o *outsideListCmd) Run(g *globals) error {
	q := queryOf("account", o.Account)
	if o.Live {
		q.Set("live", "true")
	}
	return list(&o.instance, g, o.scripted, "/v1/register", "ways", q, "ID\tSYSTEM\tSORT\tACCOUNT\tPRIVILEGE\tOF\tSEEN\tENDED", func(x wayView) []string {
		if x.Bound == "" {
			x.Bound = "nobody"
		}
		return []string{x.ID, x.System, x.Sort, x.Account, x.Privilege, x.Bound, x.Seen, x.Ended}
	})
}

type outsideBindCmd struct {
	instance
	Way     string `arg:"" help:"Id of the way."`
	Account string `arg:"" help:"Id of the person or service it belongs to."`
}

func (o *outsideBindCmd) Run(g *globals) error {
	return o.tell(g, http.MethodPost, "/v1/register/"+escape(o.Way)+"/bind", map[string]string{"account": o.Account})
}

type outsideEndCmd struct {
	instance
	Way string `arg:"" help:"Id of the way."`
	At  string `help:"When it was closed, such as 2026-11-20T12:00:00Z; default: now."`
}

func (o *outsideEndCmd) Run(g *globals) error {
	in := map[string]string{}
	setIf(in, "at", o.At)
	return o.tell(g, http.MethodPost, "/v1/register/"+escape(o.Way)+"/end", in)
}

type reviewProviderCmd struct {
	Import providerImportCmd `cmd:"" help:"Read the rules of an identity provider anew."`
	List   providerListCmd   `cmd:"" help:"List providers, held against the policy clause by clause."`
}

type providerImportCmd struct {
	instance
	Provider string `arg:"" help:"Your name of the provider, such as okta."`
	File     string `arg:"" help:"Its document in JSON; - is standard input."`
	Shape    string `required:"" enum:"okta,entra,generic" help:"okta, entra or generic."`
}

func (p *providerImportCmd) Run(g *globals) error {
	text, err := readAll(g, p.File)
	if err != nil {
		return err
	}
	return p.tell(g, http.MethodPost, "/v1/register/providers", map[string]string{"provider": p.Provider, "shape": p.Shape, "text": string(text)})
}

type providerListCmd struct {
	instance
	scripted
}

func (p *providerListCmd) Run(g *globals) error {
	type view struct {
		Provider string `json:"provider"`
		Shape    string `json:"shape"`
		Read     string `json:"read_at"`
		Clauses  []struct {
			Clause   string `json:"clause"`
			Standing string `json:"standing"`
		} `json:"clauses"`
	}
	return list(&p.instance, g, p.scripted, "/v1/register/providers", "providers", nil, "PROVIDER\tSHAPE\tREAD\t"+strings.Join(review.Clauses(), "\t"),
		func(x view) []string {
			row := []string{x.Provider, x.Shape, x.Read}
			for _, c := range x.Clauses {
				row = append(row, c.Standing)
			}
			return row
		})
}
