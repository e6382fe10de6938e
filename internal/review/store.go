package review

import (
	"strongroom"
	"strongroom/internal/db"
	"strongroom/internal/guard"
)

type campaignRow struct {
	id      string
	kind    int64
	opened  int64
	opener  string
	entries int64
	digest  []byte
	closed  int64
	closer  string
	sealed  []byte
}

type entryRow struct {
	campaign                          string
	number, verdict                   int64
	decider                           string
	decidedAt, executedAt, verifiedAt int64
	sealed                            []byte
}

type baselineRow struct {
	kind, version, made int64
	maker               string
	digest, sealed      []byte
}

type firstRow struct {
	kind           int64
	person         string
	at             int64
	digest, sealed []byte
}

type monthRow struct {
	month                string
	drawn, size, reveals int64
	root, sealed         []byte
}

type sampleRow struct {
	month             string
	position, verdict int64
	actor, judge      string
	judged            int64
	sealed            []byte
}

type wayRow struct {
	id           string
	mark, system []byte
	bound        string
	seen, ended  int64
	sealed       []byte
}

const (
	sqlCampaign       = `select id, kind, opened_at, opener, entries, digest, closed_at, closer, sealed from review_campaign `
	sqlLoadCampaign   = sqlCampaign + `where id = $1`
	sqlListCampaigns  = sqlCampaign + `order by opened_at desc, id limit $1`
	sqlOpenCampaign   = sqlCampaign + `where kind = $1 and closed_at = 0 order by id limit 1`
	sqlLastClosed     = sqlCampaign + `where kind = $1 and closed_at > 0 order by closed_at desc limit 1`
	sqlInsertCampaign = `insert into review_campaign (id, kind, opened_at, opener, entries, digest, closed_at, closer, sealed)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlCloseCampaign = `update review_campaign set closed_at = $2, closer = $3, sealed = $4 where id = $1`

	sqlEntry       = `select campaign, number, verdict, decider, decided_at, executed_at, verified_at, sealed from review_entry `
	sqlLoadEntry   = sqlEntry + `where campaign = $1 and number = $2`
	sqlEntries     = sqlEntry + `where campaign = $1 order by number`
	sqlEntryPage   = sqlEntry + `where campaign = $1 and number > $2 order by number limit $3`
	sqlOpenEntries = sqlEntry + `where campaign = $1 and number > $2 and verdict = 0 order by number limit $3`
	sqlUndecided   = `select count(*) from review_entry e join review_campaign c on c.id = e.campaign where c.closed_at = 0 and e.verdict = 0`
	sqlInsertEntry = `insert into review_entry (campaign, number, verdict, decider, decided_at, executed_at, verified_at, sealed)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlUpdateEntry = `update review_entry set verdict = $3, decider = $4, decided_at = $5, executed_at = $6, verified_at = $7, sealed = $8
		where campaign = $1 and number = $2`

	sqlBaseline    = `select kind, version, made_at, maker, digest, sealed from review_baseline where kind = $1`
	sqlPutBaseline = `insert into review_baseline (kind, version, made_at, maker, digest, sealed) values ($1, $2, $3, $4, $5, $6)
		on conflict (kind) do update set version = excluded.version, made_at = excluded.made_at, maker = excluded.maker,
			digest = excluded.digest, sealed = excluded.sealed`

	sqlFirst    = `select kind, person, at, digest, sealed from review_first where kind = $1`
	sqlPutFirst = `insert into review_first (kind, person, at, digest, sealed) values ($1, $2, $3, $4, $5)
		on conflict (kind) do update set person = excluded.person, at = excluded.at, digest = excluded.digest, sealed = excluded.sealed`
	sqlDropFirst = `delete from review_first where kind = $1`

	sqlMemory    = `select sealed from review_memory where id = $1`
	sqlPutMemory = `insert into review_memory (id, sealed) values ($1, $2) on conflict (id) do update set sealed = excluded.sealed`

	sqlMonth       = `select month, drawn_at, size, root, reveals, sealed from review_month where month = $1`
	sqlLastMonth   = `select coalesce(max(month), '') from review_month`
	sqlUnjudged    = `select month, count(*) from review_sample where verdict = 0 group by month order by month`
	sqlInsertMonth = `insert into review_month (month, drawn_at, size, root, reveals, sealed) values ($1, $2, $3, $4, $5, $6)`

	sqlSample       = `select month, position, actor, verdict, judge, judged_at, sealed from review_sample `
	sqlLoadSample   = sqlSample + `where month = $1 and position = $2`
	sqlSamples      = sqlSample + `where month = $1 order by position`
	sqlInsertSample = `insert into review_sample (month, position, actor, verdict, judge, judged_at, sealed) values ($1, $2, $3, $4, $5, $6, $7)`
	sqlJudgeSample  = `update review_sample set verdict = $3, judge = $4, judged_at = $5, sealed = $6 where month = $1 and position = $2`

	sqlWay      = `select id, mark, system, bound, seen_at, ended_at, sealed from review_outside `
	sqlLoadWay  = sqlWay + `where id = $1`
	sqlWayPage  = sqlWay + `where id > $1 order by id limit $2`
	sqlLivePage = sqlWay + `where id > $1 and ended_at = 0 order by id limit $2`
	sqlLiveWays = sqlWay + `where ended_at = 0 order by id`
	sqlWaysIn   = sqlWay + `where system = $1 order by id`
	sqlWaysOf   = sqlWay + `where bound = $1 order by id`
	sqlPutWay   = `insert into review_outside (id, mark, system, bound, seen_at, ended_at, sealed) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (id) do update set bound = excluded.bound, seen_at = excluded.seen_at, ended_at = excluded.ended_at, sealed = excluded.sealed`

	sqlPutProvider = `insert into review_provider (mark, read_at, sealed) values ($1, $2, $3)
		on conflict (mark) do update set read_at = excluded.read_at, sealed = excluded.sealed`
	sqlProviders = `select mark, read_at, sealed from review_provider order by mark`

	sqlPutAct = `insert into review_act (account, at, sealed) values ($1, $2, $3)
		on conflict (account) do update set at = excluded.at, sealed = excluded.sealed`
	sqlActs = `select account, at, sealed from review_act where at > $1 order by account`

	// sqlCatalogue lists who can reach the database this product runs on.
	sqlCatalogue = `select rolname::text, case when rolsuper then 1 else 0 end, case when rolcreaterole then 1 else 0 end
		from pg_catalog.pg_roles where rolcanlogin order by rolname`
)

func scanCampaign(s db.Scanner) (r campaignRow, err error) {
	err = s.Scan(&r.id, &r.kind, &r.opened, &r.opener, &r.entries, &r.digest, &r.closed, &r.closer, &r.sealed)
	return r, err
}

func scanEntry(s db.Scanner) (r entryRow, err error) {
	err = s.Scan(&r.campaign, &r.number, &r.verdict, &r.decider, &r.decidedAt, &r.executedAt, &r.verifiedAt, &r.sealed)
	return r, err
}

func scanSample(s db.Scanner) (r sampleRow, err error) {
	err = s.Scan(&r.month, &r.position, &r.actor, &r.verdict, &r.judge, &r.judged, &r.sealed)
	return r, err
}

func scanWay(s db.Scanner) (r wayRow, err error) {
	err = s.Scan(&r.id, &r.mark, &r.system, &r.bound, &r.seen, &r.ended, &r.sealed)
	return r, err
}

// found turns NotFound into false.
func found(err error) (bool, error) {
	if strongroom.IsKind(err, strongroom.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func listCampaigns(r *db.Reader, limit int) ([]campaignRow, error) {
	rows, err := r.Query(sqlListCampaigns, limit)
	return db.Collect(rows, err, scanCampaign)
}

func insertCampaign(tx *guard.Tx, c campaignRow) error {
	_, err := tx.Exec(sqlInsertCampaign, c.id, c.kind, c.opened, c.opener, c.entries, c.digest, c.closed, c.closer, c.sealed)
	return err
}

func entriesOf(r *db.Reader, campaign string) ([]entryRow, error) {
	rows, err := r.Query(sqlEntries, campaign)
	return db.Collect(rows, err, scanEntry)
}

func entryPage(r *db.Reader, campaign string, q EntryQuery, limit int) ([]entryRow, error) {
	if q.Open {
		rows, err := r.Query(sqlOpenEntries, campaign, q.After, limit)
		return db.Collect(rows, err, scanEntry)
	}
	rows, err := r.Query(sqlEntryPage, campaign, q.After, limit)
	return db.Collect(rows, err, scanEntry)
}

func (r entryRow) args() []any {
	return []any{r.campaign, r.number, r.verdict, r.decider, r.decidedAt, r.executedAt, r.verifiedAt, r.sealed}
}

func loadBaseline(r *db.Reader, kind int64) (b baselineRow, err error) {
	err = r.QueryRow(sqlBaseline, kind).Scan(&b.kind, &b.version, &b.made, &b.maker, &b.digest, &b.sealed)
	return b, err
}

func loadFirst(r *db.Reader, kind int64) (f firstRow, err error) {
	err = r.QueryRow(sqlFirst, kind).Scan(&f.kind, &f.person, &f.at, &f.digest, &f.sealed)
	return f, err
}

func loadMonth(r *db.Reader, month string) (m monthRow, err error) {
	err = r.QueryRow(sqlMonth, month).Scan(&m.month, &m.drawn, &m.size, &m.root, &m.reveals, &m.sealed)
	return m, err
}

func samplesOf(r *db.Reader, month string) ([]sampleRow, error) {
	rows, err := r.Query(sqlSamples, month)
	return db.Collect(rows, err, scanSample)
}

func (r wayRow) args() []any {
	return []any{r.id, r.mark, r.system, r.bound, r.seen, r.ended, r.sealed}
}

func catalogue(r *db.Reader) ([]Listed, error) {
	rows, err := r.Query(sqlCatalogue)
	return db.Collect(rows, err, func(s db.Scanner) (l Listed, err error) {
		var super, creates int64
		if err = s.Scan(&l.Account, &super, &creates); err != nil {
			return l, err
		}
		switch {
		case super == 1:
			l.Privilege = "superuser"
		case creates == 1:
			l.Privilege = "createrole"
		default:
			l.Privilege = "login"
		}
		return l, nil
	})
}
