# `make` alone lists the targets. Each does its own set-up: a machine with Go
# and Node.js needs nothing else beforehand.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# One version for everybody; the linter is built from source on first use.
GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# What Go tests, soak and fuzz look at: make fuzz PKG=./internal/jsondoc
PKG ?= ./...
# Seconds for each fuzz target; how much longer than usual random runs go when
# they soak, the limit of such a run, seconds for each fuzz target then, and where
# the report goes.
FUZZTIME ?= 30
SOAK ?= 20
SOAKTIME ?= 6h
SOAKFUZZ ?= 60
SOAKED := tmp/soak
CLIENTS := e2e/clients
CONSOLE := console
SDK := sdk/web
# Real data for the tests that play it; without it they are skipped and say so.
# Only tests get to see it: the server refuses settings that it does not know.
test-race test-rest soak: export RAPPORT_TESTDATA := $(or $(RAPPORT_TESTDATA),$(wildcard $(abspath ../shared/testdata)))
# The race detector needs a C compiler. Where there is none the tests run
# without it, and say so.
RACE := $(if $(shell command -v $$($(GO) env CC)),-race)
# Built as releases are, without C, which takes long to compile. The race
# detector alone needs it.
export CGO_ENABLED ?= 0
test-race soak: export CGO_ENABLED := $(if $(RACE),1,0)
# vet looked at everything before, and nobody debugs these binaries.
QUICK := -vet=off -ldflags=-w

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: console ## Build bin/rapport, with the console in it
	$(GO) build -o bin/rapport ./cmd/rapport

# What the console is made of; without Node.js the binary has a page in its
# place that says how to build it.
CONSOLE_SOURCES := $(shell find $(CONSOLE)/src -type f ! -name schema.ts) $(addprefix $(CONSOLE)/,index.html vite.config.ts tsconfig.json package.json) api/openapi.yaml

.PHONY: console
# Vite needs 20.19, or 22.12 and later.
NODE_FITS := $(shell node -e 'const [a,b]=process.versions.node.split(".").map(Number);if(a>22||a==22&&b>=12||a==20&&b>=19)console.log(1)' 2>/dev/null)
ifneq ($(NODE_FITS),)
console: $(CONSOLE)/dist/index.html ## Build the console where Node.js is there
else
console:
	@echo "no Node.js 20.19 or later found: building without the console"
endif

$(CONSOLE)/dist/index.html: $(CONSOLE)/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	cd $(CONSOLE) && npm run --silent build
	@touch $@

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package-lock.json
	cd $(CONSOLE) && npm ci --no-audit --no-fund
	@touch $@

.PHONY: data
data: ## Data that VERSION writes, kept for the upgrade tests of later ones
	@[ -n "$(VERSION)" ] || { echo "say which release keeps it: make data VERSION=0.2.0" >&2; exit 1; }
	RAPPORT_KEEP=$(VERSION) $(GO) test ./internal/app -count=1 -run 'TestUpgrade_Keep'

# Options of cmd/release, such as RELEASE='-only linux/amd64 -twice'.
RELEASE ?=
.PHONY: release
release: console ## Binaries, packages, the image and checksums of this revision, into dist/
	$(GO) run ./cmd/release -out dist $(RELEASE)

.PHONY: demo
demo: build ## Start on a new folder, play a shop's traffic, say what to look at
	bin/rapport demo --folder "$$(mktemp -d)"

.PHONY: run
run: build ## Start the server on ./rapport-data
	bin/rapport serve

.PHONY: test
test: console vet build ## Everything: vet, shape, Go tests, the console, the web library, the real clients
	@$(CLIENTS)/install-chromium
# Browsers and databases mostly wait: they do so together.
	@$(MAKE) --no-print-directory -j3 test-go test-screens test-clients

.PHONY: test-screens
test-screens:
	@$(MAKE) --no-print-directory -j1 test-sdk test-console

.PHONY: vet
vet: ## Let the compiler's own checks look
	$(GO) vet -vettool=$(CURDIR)/.ci/vet ./...

.PHONY: arch
arch: ## Check the shape of the house: imports, comments, lengths
	$(GO) test -count=1 ./internal/arch

.PHONY: test-go
test-go: ## Go tests: some raced, and the others with random worlds in full
	@$(MAKE) --no-print-directory -j1 test-race test-rest

# Day by day the race detector looks at the rooms that events pass through and at
# those that work beside them; building all the others for it takes longer than
# their tests. make soak looks at everything, as does make test-race RACED=.
RACED ?= internal/(pipeline|graph|columns|store/(memory|embedded|postgres|seal|transfer)|disk|lake|outbox|schedule|relay|responder|assigner|decider|quota|ingress|watch|source/intake)(/|$$)
MEET = grep -qE '$(RACED)' <<< "$$dir"
WORLDS = grep -qsE 'soak\.(Worlds|Raced|Unraced)|storetest\.Run' "$$dir"/*_test.go
where = $(GO) list -f '{{.Dir}}' $(PKG) | while read -r dir; do if $(1); then echo "$$dir"; fi; done

# More packages and tests at once than processors: servers that are killed, disks
# and databases wait.
MANY := -parallel 6
.PHONY: test-race
test-race:
	@internal/store/postgres/pgtest/install-postgres
	@[ -n "$(RACE)" ] || echo "no C compiler found: running without the race detector"
	@[ -z "$(RACE)" ] || echo "go test $(RACE): the rooms that events pass through, and those beside"
	@[ -z "$(RACE)" ] || $(call where,$(MEET)) | xargs -r $(GO) test $(RACE) $(QUICK) $(MANY) -p 3 -shuffle=on -timeout 12m

# Where there is no race detector these are all.
.PHONY: test-rest
test-rest:
	@internal/store/postgres/pgtest/install-postgres
	@echo "go test: the other packages, and random worlds in full"
	@$(call where,[ -z "$(RACE)" ] || ! $(MEET) || $(WORLDS)) | xargs -r $(GO) test $(QUICK) $(MANY) -p 4 -shuffle=on -timeout 12m

.PHONY: test-clients
test-clients: build $(CLIENTS)/node_modules/.package-lock.json ## The real clients, unmodified, against the real binary
	$(CLIENTS)/install-chromium
	cd $(CLIENTS) && RAPPORT_BINARY=$(CURDIR)/bin/rapport npm test --silent

.PHONY: test-console
test-console: build ## The console: unit tests, then all screens in a real browser
	@command -v npm >/dev/null || { echo "The console tests need Node.js 20.19 or later." >&2; exit 1; }
	$(CLIENTS)/install-chromium
	cd $(CONSOLE) && npm test --silent
	cd $(CONSOLE) && RAPPORT_BINARY=$(CURDIR)/bin/rapport npm run --silent e2e

.PHONY: sdk
sdk: $(SDK)/node_modules/.package-lock.json ## Build the web library; what is built is committed
	cd $(SDK) && npm run --silent build

.PHONY: test-sdk
test-sdk: $(SDK)/node_modules/.package-lock.json ## The web library: types, size, the parts that know no browser
	cd $(SDK) && npm test --silent

$(SDK)/node_modules/.package-lock.json: $(SDK)/package-lock.json
	@command -v npm >/dev/null || { echo "The web library is built with Node.js 20 or later; the one that is committed needs none." >&2; exit 1; }
	cd $(SDK) && npm ci --no-audit --no-fund
	@touch $@

$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json
	@command -v npm >/dev/null || { echo "The client tests need Node.js 20 or later." >&2; exit 1; }
	cd $(CLIENTS) && npm ci --no-audit --no-fund
	@touch $@

.PHONY: bench
bench: ## Measure against the ceiling and print the ratios
	$(GO) run ./bench all

.PHONY: soak
soak: ## Kills, power losses, failing disks, long random worlds, fuzzing; a report with the seeds at the end
	@rm -rf $(SOAKED) && mkdir -p $(SOAKED)
	@internal/store/postgres/pgtest/install-postgres
	@failed=0; \
	RAPPORT_SOAK=$(SOAK) RAPPORT_SOAK_REPORT=$(CURDIR)/$(SOAKED)/did \
	  $(GO) test $(RACE) -count=1 -shuffle=on -timeout $(SOAKTIME) $(PKG) 2>&1 | tee $(SOAKED)/tests.log || failed=1; \
	$(MAKE) --no-print-directory fuzz FUZZTIME=$(SOAKFUZZ) 2>&1 | tee $(SOAKED)/fuzz.log || failed=1; \
	if [ "$(PKG)" = ./... ]; then $(MAKE) --no-print-directory soak-sdk 2>&1 | tee $(SOAKED)/sdk.log || failed=1; fi; \
	internal/soak/report $(SOAKED) | tee $(SOAKED)/report.txt; \
	exit $$failed

.PHONY: soak-sdk
soak-sdk: build $(CLIENTS)/node_modules/.package-lock.json ## The web library: 1,000 visits that end badly, 500 traced page loads
	$(CLIENTS)/install-chromium
	cd $(CLIENTS) && RAPPORT_BINARY=$(CURDIR)/bin/rapport RAPPORT_DELIVERY_VISITS=1000 RAPPORT_FLICKER_LOADS=500 \
	  node --test --test-concurrency=1 web-delivery.test.mjs web-experiences.test.mjs

.PHONY: example-nextjs
example-nextjs: build ## Build the Next.js example and visit it; not in CI, it takes most of a minute
	@command -v npm >/dev/null || { echo "The Next.js example needs Node.js 20.9 or later." >&2; exit 1; }
	cd examples/nextjs && npm ci --no-audit --no-fund && RAPPORT_BINARY=$(CURDIR)/bin/rapport node --test example.test.mjs

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME seconds
	@$(GO) list $(PKG) | while read -r pkg; do \
	  targets=$$($(GO) test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); \
	  for target in $$targets; do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME)s "$$pkg"; \
	  done; \
	done

.PHONY: lint
lint: ## golangci-lint with .golangci.yml
	$(GOLANGCI) run ./...

.PHONY: fmt
fmt: ## Format every Go file
	$(GOLANGCI) fmt ./...

.PHONY: generate
generate: ## Make again what is generated
	$(GO) generate ./...

.PHONY: check
check: lint generate test ## What a commit must pass: lint, generated files fresh, tests
	git diff --exit-code --stat

.PHONY: clean
clean: ## Remove what was built or downloaded here; never data
	rm -rf bin dist $(CLIENTS)/node_modules $(CONSOLE)/node_modules $(CONSOLE)/dist $(SDK)/node_modules
