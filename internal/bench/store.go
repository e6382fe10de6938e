package bench

import (
	"embed"

	"strongroom/internal/db"
)

//go:embed schema
var schema embed.FS

// Schema returns the tables of the floor.
func Schema() db.Schema { return db.Schema{Package: "bench", FS: schema} }

const (
	sqlOrderPut = `
insert into bench_order (id, store, external_id, email, phone, name, postal, national, fetched_at, body)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (store, external_id) do update set email = excluded.email, phone = excluded.phone, name = excluded.name,
	postal = excluded.postal, national = excluded.national, fetched_at = excluded.fetched_at, body = excluded.body`

	sqlOrderLast = `select coalesce(max(id), 0) from bench_order`
	sqlOrderBody = `select body from bench_order where id = $1 and store = $2`
	sqlOrderFind = `select id, external_id, fetched_at from bench_order where store = $1 and email = $2 order by id limit $3`

	sqlOrderDelete = `delete from bench_order where id = $1 and store = $2`
	sqlOrderPurge  = `delete from bench_order where id > $1 and id <= $2`

	sqlBarePut   = `insert into bench_bare (id, body) select id, body from bench_order`
	sqlBareCount = `select count(*) from bench_bare`
	sqlBarePurge = `delete from bench_bare where id > $1 and id <= $2`

	sqlLogAdd = `
insert into bench_log (at, actor, act, outcome, store, record, count, purpose, reference)
values ($1, $2, $3, 1, 1, $4, $5, $6, $7)`
)
