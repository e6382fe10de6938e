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
	case "doctor":
		return []string{"strongroom doctor --data DIR", "strongroom doctor --data DIR --json"}
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
	return nil
}
