package api

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
)

// Routes returns the table: every route there is, in the order the documentation
// uses.
func Routes() []Route {
	return slices.Concat(storeRoutes(), connectRoutes(), ingestRoutes(), recordRoutes(), revealRoutes(), caseRoutes(), fieldRoutes(), erasureRoutes(), webhookRoutes(), mirrorRoutes(), wayRoutes(), documentRoutes(), messageRoutes(), allowRoutes(),
		auditRoutes(), keyRoutes(), serviceRoutes(), sessionRoutes(), signOnRoutes(), enrolRoutes(), peopleRoutes(), recoveryRoutes(), accessRoutes(), federationRoutes(),
		policyRoutes(), reviewRoutes(), baselineRoutes(), registerRoutes(), doctorRoutes(), instanceRoutes())
}

// Docs returns docs/api.md: each method with the permission it needs, its
// parameters, body and answer.
func Docs() []byte {
	var b bytes.Buffer
	b.WriteString(docsHead)
	repeatable(&b, Routes())
	for _, rt := range Routes() {
		permission := "`" + rt.Action + "`"
		if rt.Public {
			permission = "none (public)"
		}
		if rt.Holder {
			permission += ", of the session that is shown"
		}
		if rt.Anyone {
			permission = "any known caller"
		}
		fmt.Fprintf(&b, "\n## %s %s\n\n%s\n\nPermission: %s.", rt.Method, rt.Path, rt.Summary, permission)
		if rt.Only != "" {
			fmt.Fprintf(&b, " In a %s instance only.", rt.Only)
		}
		if rt.Repeatable {
			fmt.Fprintf(&b, " Takes `%s`.", headerIdemKey)
		}
		b.WriteString("\n")
		docsParams(&b, rt)
		docsFields(&b, "Body", rt.in, rt.body)
		if rt.raw != "" {
			fmt.Fprintf(&b, "\nAnswer: %s.\n", rt.raw)
			docsFields(&b, "", rt.out, rt.out != nil)
			continue
		}
		fmt.Fprintf(&b, "\nAnswer: %d", statusOf(&rt, nil))
		if rt.out == reflect.TypeFor[none]() {
			b.WriteString(", nothing.\n")
			continue
		}
		b.WriteString(".\n")
		docsFields(&b, "", rt.out, true)
	}
	return b.Bytes()
}

const docsHead = `# HTTP API

Generated from the table of routes; do not edit. The machine-readable form is at ` + "`/openapi.json`" + `.

Every call but the public ones carries ` + "`Authorization: Bearer`" + ` with the key of a service
(` + "`sr_…`" + `) or the session of a person (` + "`srs_…`" + `); over the Unix socket the operating system user is
enough, and a token that is shown wins over it. A person whose rights have changed is answered
with the code ` + "`session-stale`" + ` and takes a new token at ` + "`/v1/session/renew`" + `. A registered device
proves itself by a client certificate or a ` + "`DPoP`" + ` header (RFC 9449; ` + "`htu`" + ` is the path). Bodies are JSON in UTF-8, unknown fields are
refused. Every error is a problem detail (RFC 9457) with a stable ` + "`code`" + `; its text never
repeats what was sent. The permission is the action that the policies are asked for; every
answer of theirs is an event in the audit log before the call returns.

A call that takes ` + "`Idempotency-Key`" + ` is done once with it: sent again within 24 hours it answers with the
status of the first time and ` + "`{\"id\":…,\"replayed\":true}`" + `. No body is kept, so a key shown
once is not shown again. Ingest, reveal and all other calls are harmless to repeat, and
take no notice of it. It is taken by:
`

// repeatable lists the rows that honour an Idempotency-Key.
func repeatable(b *bytes.Buffer, table []Route) {
	for _, rt := range table {
		if rt.Repeatable {
			fmt.Fprintf(b, "\n- `%s %s`", rt.Method, rt.Path)
		}
	}
	b.WriteString("\n")
}

func docsParams(b *bytes.Buffer, rt Route) {
	if len(rt.params) == 0 {
		return
	}
	b.WriteString("\n| parameter | in | what |\n|---|---|---|\n")
	for _, p := range rt.params {
		in := "query"
		if p.path {
			in = "path"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.name, in, p.doc)
	}
}

// docsFields lists the JSON fields of t, those of lists and objects inside with
// their path.
func docsFields(b *bytes.Buffer, title string, t reflect.Type, any bool) {
	if !any || t == nil {
		return
	}
	rows := fieldRows("", t)
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n%s:\n", title)
	}
	b.WriteString("\n| field | type | what |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", r[0], r[1], r[2])
	}
}

func fieldRows(prefix string, t reflect.Type) (rows [][3]string) {
	for _, f := range fieldsOf(t) {
		name := prefix + f.name
		rows = append(rows, [3]string{name, typeWord(f.typ), f.doc})
		if inner, list := elementOf(f.typ); inner != nil {
			if list {
				name += "[]"
			}
			rows = append(rows, fieldRows(name+".", inner)...)
		}
	}
	return rows
}
