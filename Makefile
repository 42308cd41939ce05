# `make help` prints the targets. `make check` is what CI runs.
GO     ?= go
PYTHON ?= python3

export CGO_ENABLED := 0

LINT         := $(GO) tool -modfile=tools/go.mod golangci-lint
VENV         := .venv
REQUIREMENTS := testenv/lanceref/requirements.txt
ONE_CORE     := $(if $(shell command -v taskset 2>/dev/null),taskset -c 0)
VENV_STAMP   := $(VENV)/.installed
# Begun first, it does not keep one core waiting at the end.
LONGEST      := ./testenv/scenario

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: ## one minute, nothing installed: server, two workers, one killed, an exact table
	$(GO) run ./cmd/pst-bridge demo

.PHONY: build
build: ## bin/pst-bridge
	$(GO) build -trimpath -o bin/ ./cmd/pst-bridge

.PHONY: test
test: venv race ## all tests; the reference reader reads what we wrote
	$(GO) test -timeout 12m $(LONGEST) ./...

# The race detector needs a C compiler; where there is none, its run is left out.
# Tests of a cluster restart nats-server inside the process, which races with itself.
.PHONY: race
race: ## the packages that start goroutines, under the race detector
ifneq ($(shell command -v $(CC) 2>/dev/null),)
	CGO_ENABLED=1 $(GO) test -race -skip '^TestCluster' -timeout 12m ./bridge/... ./cmd/... ./consumer/... ./sink
endif

.PHONY: bench
bench: venv ## payloads into Arrow; JetStream fetch + ack beside the bridge; our Lance beside pylance: medians
	$(ONE_CORE) $(GO) run ./testenv/decodebench
	$(GO) run ./testenv/bench
	$(ONE_CORE) $(GO) run ./testenv/lancebench

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (3m each); FUZZ=sink/lance for those below it
	@tools/fuzz.sh $(FUZZ)

.PHONY: chaos
chaos: venv ## real workers and servers tormented: 60 seeds of a minute; SEEDS=, SEED=
	$(GO) run ./testenv/chaos -profile r1,foreign,r3 -seeds $(or $(SEEDS),60) -seed $(or $(SEED),1)

.PHONY: mutants
mutants: ## every deliberate bug, each caught by the tests
	PST_MUTANTS=all $(GO) test -count=1 -timeout 10m -v ./testenv/mutants

.PHONY: lint
lint: ## format, vet, static checks; the same versions everywhere
	$(LINT) run --allow-parallel-runners
	@$(LINT) run --allow-parallel-runners --config tools/golangci-shape.yml --issues-exit-code 0

.PHONY: fmt
fmt: ## format all Go code
	$(LINT) fmt

.PHONY: check
check: lint test ## what CI runs: lint and the README's test command

.PHONY: venv
venv: $(VENV_STAMP) ## the reference reader (pylance) in .venv; instant once made

$(VENV_STAMP): $(REQUIREMENTS)
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "make: $(PYTHON) -m venv failed; install Python 3 with its venv module (Debian: python3-venv)" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

.PHONY: clean
clean: ## remove what make and the demo made
	rm -rf bin $(VENV) pst-demo
