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
# they soak, and the limit of such a run.
FUZZTIME ?= 30
SOAK ?= 20
SOAKTIME ?= 2h
CLIENTS := e2e/clients
# Real data for the tests that play it; without it they are skipped and say so.
# Only tests get to see it: the server refuses settings that it does not know.
test-go soak: export RAPPORT_TESTDATA := $(or $(RAPPORT_TESTDATA),$(wildcard $(abspath ../shared/testdata)))
# The race detector needs a C compiler. Where there is none the tests run
# without it, and say so.
RACE := $(if $(shell command -v $$($(GO) env CC)),-race)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/rapport
	$(GO) build -o bin/rapport ./cmd/rapport

.PHONY: demo
demo: build ## Start on a new folder, play a shop's traffic, say what to look at
	bin/rapport demo --folder "$$(mktemp -d)"

.PHONY: run
run: build ## Start the server on ./rapport-data
	bin/rapport serve

.PHONY: test
test: vet arch test-go test-clients ## Everything: vet, shape, Go tests, the real clients

.PHONY: vet
vet: ## Let the compiler's own checks look
	$(GO) vet ./...

.PHONY: arch
arch: ## Check the shape of the house: imports, comments, lengths
	$(GO) test -count=1 ./internal/arch

.PHONY: test-go
test-go: ## Go tests, raced and shuffled
	@internal/store/postgres/pgtest/install-postgres
	@[ -n "$(RACE)" ] || echo "no C compiler found: running without the race detector"
	$(GO) test $(RACE) -shuffle=on -timeout 12m $(PKG)

.PHONY: test-clients
test-clients: build $(CLIENTS)/node_modules/.package-lock.json ## The real clients, unmodified, against the real binary
	$(CLIENTS)/install-chromium
	cd $(CLIENTS) && RAPPORT_BINARY=$(CURDIR)/bin/rapport npm test --silent

$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json
	@command -v npm >/dev/null || { echo "The client tests need Node.js 20 or later." >&2; exit 1; }
	cd $(CLIENTS) && npm ci --no-audit --no-fund
	@touch $@

.PHONY: bench
bench: ## Measure against the ceiling and print the ratios
	$(GO) run ./bench all

.PHONY: soak
soak: ## Long random runs; every failure prints the seed that repeats it
	RAPPORT_SOAK=$(SOAK) $(GO) test $(RACE) -count=1 -shuffle=on -timeout $(SOAKTIME) $(PKG)

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
	rm -rf bin $(CLIENTS)/node_modules
