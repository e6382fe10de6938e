# Strongroom. `make help` lists what there is.
GO       ?= go
BIN      := bin/strongroom
STATIC   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VULN     := golang.org/x/vuln/cmd/govulncheck@v1.9.0
PKGS     := ./...
# The packages that touch an engine: they run once more on PostgreSQL.
ENGINED  := $(addprefix ./internal/,db/... audit guard keys jobs logbook vault identity/... people device policy lifecycle intake session access detect federation review connect webhook erasure gateway route document message scim api console app apptest)
CLUSTER  := $(GO) run ./internal/db/dbtest/cmd/pgcluster

.PHONY: all build demo demo-check test test-sqlite test-postgres test-full race lint vuln bench bench-quick soak docs tidy clean help need

all: build

build: ## build the one binary into bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/strongroom

demo: build ## run the main job on the embedded engine and keep serving
	./$(BIN) demo

demo-check: build ## the same without staying; exits non-zero if any step fails
	@d=$$(mktemp -d) && ./$(BIN) demo --check --data $$d; s=$$?; rm -rf $$d; exit $$s

need: ## install what the tests use, or say what to install
	@sh scripts/need

test: need test-sqlite test-postgres ## the whole suite on both engines

test-sqlite test-postgres test-full: export STRONGROOM_BROWSER = required
test-sqlite test-postgres test-full: export STRONGROOM_PROGRAMS = required

test-sqlite: need
	$(GO) test -shuffle=on -timeout 9m $(PKGS)

test-postgres: need
	STRONGROOM_TEST_ENGINE=postgres $(CLUSTER) $(GO) test -shuffle=on -timeout 9m $(ENGINED)

test-full: need ## race, 100 kill rounds, 60 s of fuzzing a target
	STRONGROOM_KILL_ROUNDS=100 $(GO) test -race -shuffle=on -timeout 60m $(PKGS)
	STRONGROOM_KILL_ROUNDS=100 STRONGROOM_TEST_ENGINE=postgres $(CLUSTER) $(GO) test -race -shuffle=on -timeout 60m $(ENGINED)
	sh scripts/fuzz 60s

soak: need ## kill rounds until interrupted
	while STRONGROOM_KILL_ROUNDS=500 $(GO) test -run Crash -count=1 -timeout 0 ./internal/apptest; do :; done

race: ## race detector on the packages without SQL
	$(GO) test -race ./internal/seal ./internal/tlog ./internal/classify ./internal/fieldmap ./internal/authz ./internal/web ./internal/sim

lint: ## formatting, vet, staticcheck, tidy modules, the house suite
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt would change the files above: run gofmt -w"; exit 1; }
	$(GO) vet $(PKGS)
	$(GO) run $(STATIC) $(PKGS)
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) test -run House .

vuln: ## known vulnerabilities (asks the public database)
	$(GO) run $(VULN) $(PKGS)

bench: build need ## the product against the same rows without protection; writes bench.json (BENCHFLAGS="-only flat -records 100000")
	$(CLUSTER) -durable $(GO) run ./internal/bench/cmd/bench $(BENCHFLAGS) -json bench.json

bench-quick: build need ## the same table from less data, at most 90 seconds
	$(CLUSTER) -durable $(GO) run ./internal/bench/cmd/bench -quick $(BENCHFLAGS) -json bench.json

docs: build ## write the generated pages anew
	$(GO) test ./internal/api -run Documents -update

clean:
	rm -rf bin bench.json

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
