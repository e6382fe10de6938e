package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// addExamples gives every command whose help shows none its examples. A test
// parses each of them.
func addExamples(k *kong.Kong) {
	for _, leaf := range k.Model.Leaves(false) {
		path := strings.TrimPrefix(leaf.Path(), "strongroom ")
		if lines := examples(path); leaf.Detail == "" && lines != nil {
			leaf.Detail = "Examples:\n  " + strings.Join(lines, "\n  ")
		}
	}
}

// examples returns what one would type for a command; nil if it has its own help.
func examples(path string) []string {
	switch path {
	case "serve":
		return []string{"strongroom serve --data DIR", "strongroom serve --data DIR --listen 127.0.0.1:8080 --tls off"}
	case "doctor check":
		return []string{"strongroom doctor --data DIR", "strongroom doctor check --data DIR --json"}
	case "adopt":
		return []string{"strongroom adopt --data DIR"}
	case "config check":
		return []string{"strongroom config check --data DIR"}
	case "version":
		return []string{"strongroom version --json"}
	case "store add":
		return []string{`strongroom store add "Tea & Co" --platform shopify --data DIR`}
	case "store list":
		return []string{"strongroom store list --data DIR"}
	case "store credential":
		return []string{"strongroom store credential str_… token.txt --data DIR", "pass show shop | strongroom store credential str_… - --data DIR"}
	case "route list":
		return []string{"strongroom route list --data DIR"}
	case "route show":
		return []string{"strongroom route show rte_… --data DIR"}
	case "route test":
		return []string{"strongroom route test labels.yaml --data DIR"}
	case "route propose":
		return []string{"strongroom route propose labels.yaml --credential carrier-key.txt --data DIR"}
	case "route approve":
		return []string{"strongroom route approve rte_… --data DIR"}
	case "message list":
		return []string{"strongroom message list --data DIR"}
	case "message add":
		return []string{"strongroom message add svc_… key.jwk --data DIR"}
	case "message remove":
		return []string{"strongroom message remove msk_… --data DIR"}
	case "document list":
		return []string{"strongroom document list str_… --data DIR"}
	case "document link":
		return []string{"strongroom document link doc_… --person usr_… --reference 7001 --data DIR"}
	case "document open":
		return []string{"strongroom document open label.pdf --data DIR"}
	case "route preset list":
		return []string{"strongroom route preset list"}
	case "route preset show":
		return []string{"strongroom route preset show label"}
	case "route remove":
		return []string{"strongroom route remove rte_… --data DIR"}
	case "webhook list":
		return []string{"strongroom webhook list str_… --data DIR"}
	case "webhook subscribe":
		return []string{"strongroom webhook subscribe str_… --data DIR", "strongroom webhook subscribe str_… --again --data DIR"}
	case "webhook add":
		return []string{"strongroom webhook add str_… https://app.example.com/orders --data DIR", "strongroom webhook add str_… https://app.example.com/rates --kind rates --data DIR"}
	case "webhook rotate":
		return []string{"strongroom webhook rotate str_… wep_… --data DIR"}
	case "webhook remove":
		return []string{"strongroom webhook remove str_… wep_… --data DIR"}
	case "webhook dead":
		return []string{"strongroom webhook dead str_… --data DIR"}
	case "webhook retry":
		return []string{"strongroom webhook retry str_… fwd_… --data DIR"}
	case "app add":
		return []string{`strongroom app add "Nopalito Ships" --app-id app_66aa0f61d2 --data DIR`}
	case "app list":
		return []string{"strongroom app list --data DIR"}
	case "app remove":
		return []string{"strongroom app remove app_… --data DIR"}
	case "store credentials":
		return []string{"strongroom store credentials --data DIR"}
	case "store grants":
		return []string{"strongroom store grants str_… --data DIR"}
	case "store revoke":
		return []string{"strongroom store revoke str_… --data DIR"}
	case "store disconnect":
		return []string{"strongroom store disconnect str_… --preview --data DIR", "strongroom store disconnect str_… --yes --data DIR"}
	case "sync":
		return []string{"strongroom sync str_… --data DIR", "strongroom sync str_… --since 2026-11-01T00:00:00Z --resource orders --data DIR"}
	case "record list":
		return []string{"strongroom record list str_… --kind order --data DIR", "strongroom record list str_… --limit 200 --json --data DIR"}
	case "record show":
		return []string{"strongroom record show str_… rec_… --data DIR"}
	case "find":
		return []string{"strongroom find --email jana@example.com --data DIR", "strongroom find --external-id 5001 --store str_… --json --data DIR"}
	case "erase":
		return []string{"strongroom erase str_… rec_… --data DIR", "strongroom erase str_… rec_… rec_… --reason request --reference CASE-7 --yes --data DIR"}
	case "fields list":
		return []string{"strongroom fields list str_… --data DIR", "strongroom fields list str_… --names --json --data DIR"}
	case "fields classify":
		return []string{"strongroom fields classify str_… fld_… clear --data DIR", "strongroom fields classify str_… fld_… email --data DIR"}
	case "case list":
		return []string{"strongroom case list --open --data DIR"}
	case "erasure list":
		return []string{"strongroom erasure list --open --data DIR"}
	case "erasure show":
		return []string{"strongroom erasure show erq_… --data DIR"}
	case "erasure records":
		return []string{"strongroom erasure records erq_… --data DIR"}
	case "erasure assign":
		return []string{"strongroom erasure assign erq_… str_… --data DIR"}
	case "erasure confirm":
		return []string{"strongroom erasure confirm erq_… --data DIR", "strongroom erasure confirm erq_… --whole-store --data DIR"}
	case "erasure dismiss":
		return []string{"strongroom erasure dismiss erq_… --reason mistaken --data DIR"}
	case "signal secret list":
		return []string{"strongroom signal secret list --data DIR"}
	case "signal secret drop":
		return []string{"strongroom signal secret drop snd_… --data DIR"}
	case "signal shop set":
		return []string{"strongroom signal shop set str_… --domain shop.example.com --data DIR", "strongroom signal shop set str_… --kind tiendanube --id 7719613 --data DIR"}
	case "signal shop show":
		return []string{"strongroom signal shop show str_… --data DIR"}
	case "signal shop drop":
		return []string{"strongroom signal shop drop str_… --data DIR"}
	case "case show":
		return []string{"strongroom case show cas_… --data DIR"}
	}
	return guardExamples(path)
}

// guardExamples are those of the commands that guard an instance.
func guardExamples(path string) []string {
	switch path {
	case "key list":
		return []string{"strongroom key list --data DIR"}
	case "key rotate":
		return []string{"strongroom key rotate svc_… --data DIR", "strongroom key rotate svc_… --overlap 24h --data DIR"}
	case "key revoke":
		return []string{"strongroom key revoke svc_… --data DIR"}
	case "policy check":
		return []string{"strongroom policy check", "strongroom policy check --policies ./policies --environment test"}
	case "policy test":
		return []string{"strongroom policy test cases.yaml --policies ./policies"}
	case "policy explain":
		return []string{"strongroom policy explain --role auditor --action record.reveal --purpose fulfilment --reference"}
	case "audit checkpoint":
		return []string{"strongroom audit checkpoint --data DIR"}
	case "audit key":
		return []string{"strongroom audit key --data DIR"}
	case "audit proof":
		return []string{"strongroom audit proof 42 --data DIR"}
	case "audit export":
		return []string{"strongroom audit export -o log.ndjson --data DIR"}
	case "log continue":
		return []string{"strongroom log continue --reason restore --by uid:0 --data DIR"}
	case "root rotate":
		return []string{"strongroom root rotate --new-root-key-file /media/key/root.key --data DIR"}
	case "epoch roll":
		return []string{"strongroom epoch roll --data DIR"}
	case "sweep":
		return []string{"strongroom sweep --data DIR"}
	case "mirror list":
		return []string{"strongroom mirror list str_… --data DIR"}
	case "mirror propose":
		return []string{"strongroom mirror propose str_… call.json --data DIR"}
	case "mirror approve":
		return []string{"strongroom mirror approve str_… mir_… --data DIR"}
	case "mirror end":
		return []string{"strongroom mirror end str_… mir_… --data DIR"}
	case "job list":
		return []string{"strongroom job list --data DIR", "strongroom job list --state dead --json --data DIR"}
	case "job show":
		return []string{"strongroom job show job_… --data DIR"}
	case "job retry":
		return []string{"strongroom job retry job_… --data DIR"}
	case "clock show":
		return []string{"strongroom clock show --data DIR"}
	case "clock set":
		return []string{"strongroom clock set 2026-11-20T12:00:00Z --data DIR"}
	case "clock advance":
		return []string{"strongroom clock advance 31d --data DIR"}
	}
	return peopleExamples(path)
}

// peopleExamples are those of the commands for people and their rights.
func peopleExamples(path string) []string {
	switch path {
	case "signout":
		return []string{"strongroom signout --data DIR"}
	case "session list":
		return []string{"strongroom session list --data DIR", "strongroom session list --person usr_… --json --data DIR"}
	case "session who":
		return []string{"strongroom session who --data DIR"}
	case "session step-up":
		return []string{"strongroom session step-up --data DIR", "strongroom session step-up --provider company --data DIR"}
	case "session revoke":
		return []string{"strongroom session revoke ses_… --data DIR"}
	case "person add":
		return []string{`strongroom person add "Jana Novak" --email jana.novak@example.com --role operator --all-stores --reason "runs the stores" --data DIR`}
	case "person found":
		return []string{`strongroom person found "Jana Novak" --email jana.novak@example.com --data DIR`}
	case "person list":
		return []string{"strongroom person list --state active --data DIR"}
	case "person show":
		return []string{"strongroom person show --data DIR", "strongroom person show usr_… --data DIR"}
	case "person suspend":
		return []string{"strongroom person suspend usr_… --reason absence --data DIR"}
	case "person end":
		return []string{"strongroom person end usr_… --data DIR", "strongroom person end usr_… --at 2026-11-20T12:00:00Z --yes --data DIR"}
	case "person invite", "person resume", "person reset", "person unlock":
		return []string{"strongroom " + path + " usr_… --data DIR"}
	case "person recover":
		return []string{"strongroom person recover jana.novak@example.com --data DIR", "strongroom person recover --data DIR",
			"strongroom person recover --cancel usr_… --data DIR"}
	case "person leavers list":
		return []string{"strongroom person leavers --data DIR", "strongroom person leavers list --since 2026-11-01T00:00:00Z --json --data DIR"}
	case "person leavers probe":
		return []string{"strongroom person leavers probe usr_… --data DIR"}
	case "training record":
		return []string{"strongroom training record data-protection --version 2026-1 --data DIR",
			"strongroom training record it-security --version 2026-1 --person usr_… --at 2026-11-20T12:00:00Z --data DIR"}
	case "training pledge":
		return []string{"strongroom training pledge confidentiality --version 2026-1 --data DIR"}
	case "device add":
		return []string{"strongroom device add L-0042 --owner usr_… --managed --data DIR"}
	case "device enrol":
		return []string{"strongroom device enrol --data DIR"}
	case "device list":
		return []string{"strongroom device list --data DIR"}
	case "device revoke":
		return []string{"strongroom device revoke dev_… --data DIR"}
	}
	return accessExamples(path)
}

// accessExamples are those of requests, grants, services and versions.
func accessExamples(path string) []string {
	switch path {
	case "request open":
		return []string{`strongroom request open str_… --purpose fulfilment --reference 5001 --for 30m --reason "a parcel came back" --data DIR`}
	case "request glass":
		return []string{`strongroom request glass str_… --purpose fulfilment --reason "the carrier waits at the door" --data DIR`}
	case "request list":
		return []string{"strongroom request list --state open --data DIR", "strongroom request list --own --data DIR"}
	case "request show", "request withdraw", "request break":
		return []string{"strongroom " + path + " req_… --data DIR"}
	case "request approve", "request refuse":
		return []string{"strongroom " + path + ` req_… --remark "as agreed" --data DIR`}
	case "role ask":
		return []string{`strongroom role ask usr_… --role privacy --all-stores --reason "answers shoppers" --data DIR`}
	case "grant list":
		return []string{"strongroom grant list --live --data DIR", "strongroom grant list --person usr_… --json --data DIR"}
	case "grant revoke":
		return []string{"strongroom grant revoke grt_… --data DIR"}
	case "service ask":
		return []string{`strongroom service ask label-printer --owner usr_… --purpose labels --role application --store str_… --reason "prints labels" --data DIR`}
	case "service findings":
		return []string{"strongroom service findings --data DIR"}
	case "service adopt":
		return []string{"strongroom service adopt svc_… --owner usr_… --purpose labels --data DIR"}
	case "service suspend", "service resume":
		return []string{"strongroom " + path + " svc_… --data DIR"}
	case "network list":
		return []string{"strongroom network list --data DIR"}
	case "network allow":
		return []string{"strongroom network allow 192.0.2.0/24 --data DIR", "strongroom network allow 10.0.0.0/8 --listener api --for svc_… --data DIR"}
	case "network deny":
		return []string{"strongroom network deny 203.0.113.7/32 --data DIR"}
	case "network remove":
		return []string{"strongroom network remove net_… --data DIR"}
	case "access explain":
		return []string{"strongroom access explain usr_… --action record.reveal --store str_… --purpose fulfilment --reference --mfa-age 5m --data DIR"}
	case "policy propose":
		return []string{"strongroom policy propose ./policies --data DIR"}
	case "policy list", "policy show", "policy reset":
		return []string{"strongroom " + path + " --data DIR"}
	case "policy dry-run", "policy approve", "policy activate", "policy withdraw":
		return []string{"strongroom " + path + " pol_… --data DIR"}
	case "policy rollback":
		return []string{"strongroom policy rollback 0 --data DIR"}
	}
	return reviewExamples(path)
}

// reviewExamples are those of reviews.
func reviewExamples(path string) []string {
	switch path {
	case "review open":
		return []string{"strongroom review open people --data DIR", "strongroom review open services --data DIR"}
	case "review list":
		return []string{"strongroom review list --data DIR"}
	case "review show":
		return []string{"strongroom review show cmp_… --open --data DIR"}
	case "review decide":
		return []string{"strongroom review decide cmp_… 1 3 5-40 --verdict keep --reason needed --data DIR",
			`strongroom review decide cmp_… 2 --verdict remove --reason moved --text "works elsewhere" --data DIR`,
			"strongroom review decide cmp_… 4 --verdict change --reason too-wide --role operator --store str_… --data DIR"}
	case "review execute", "review close":
		return []string{"strongroom " + path + " cmp_… --data DIR"}
	case "review holders":
		return []string{"strongroom review holders key.rotate --data DIR"}
	case "review baseline":
		return []string{"strongroom review baseline people --data DIR", "strongroom review baseline people --approved --data DIR"}
	case "review approve":
		return []string{"strongroom review approve people DIGEST --data DIR"}
	case "review drift":
		return []string{"strongroom review drift people --data DIR", "strongroom review drift services --json --data DIR"}
	case "review samples":
		return []string{"strongroom review samples 2026-10 --data DIR"}
	case "review judge":
		return []string{"strongroom review judge 2026-10 4711 --judgement justified --data DIR"}
	case "review outside import":
		return []string{"strongroom review outside import db-1 accounts.csv --sort database --dry-run --data DIR",
			"strongroom review outside import db-1 --catalogue --sort database --data DIR"}
	case "review outside list":
		return []string{"strongroom review outside list --live --data DIR", "strongroom review outside list --account usr_… --data DIR"}
	case "review outside bind":
		return []string{"strongroom review outside bind ext_… usr_… --data DIR"}
	case "review outside end":
		return []string{"strongroom review outside end ext_… --at 2026-11-20T12:00:00Z --data DIR"}
	case "review provider import":
		return []string{"strongroom review provider import okta policies.json --shape okta --data DIR"}
	case "review provider list":
		return []string{"strongroom review provider list --data DIR"}
	}
	return nil
}
