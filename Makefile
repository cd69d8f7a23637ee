.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
export UV_PYTHON_DOWNLOADS := never
# Each of the many processes of the tests would else compile the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
DOCUMENT := openapi/portal.json
# Test processes; each has its own clone of the template database. `make test WORKERS=0` runs in one.
WORKERS ?= 2
# More for pytest: make test ARGS="tests/api/test_clients.py -k archive"
ARGS ?=

# $(call step,name,command): says what runs, stops at a failure, says how long it took.
define step
	@printf '==> %s\n' '$(1)'; begun=$$(date +%s); \
	if ( $(2) ); then printf '    ok: %s (%s s)\n' '$(1)' $$(( $$(date +%s) - begun )); \
	else printf '    FAILED: %s (%s s)\n' '$(1)' $$(( $$(date +%s) - begun )) >&2; exit 1; fi
endef

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## the environment only, in .venv, from the hashed locks
	@scripts/install.sh dev

.PHONY: run
run: ## everything on this machine, with a demo practice; prints where and how to sign in
	@scripts/install.sh embedded
	@$(BIN)/portal-api demo

.PHONY: test
test: install ## all tests, then the lint and the TypeScript compile of the API description
	$(call step,tests,$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS))
	@$(MAKE) openapi-lint

.PHONY: check
check: install ## what CI runs: format, lint, types, layers, dependencies, generated files, then test
	$(call step,format,$(BIN)/ruff format --check .)
	$(call step,lint,$(BIN)/ruff check .)
	$(call step,types,$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python)
	$(call step,layers,$(BIN)/lint-imports)
	$(call step,dependencies,$(BIN)/deptry src)
	$(call step,API description is up to date,$(BIN)/portal-api openapi | diff -u $(DOCUMENT) - || { echo "Run: make openapi" >&2; false; })
	$(call step,models and migrations agree,$(BIN)/portal-api migrate --check)
	@$(MAKE) test

.PHONY: format
format: install ## put the code into shape
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: openapi
openapi: install ## write openapi/portal.json and the table of docs/errors.md anew
	@$(BIN)/portal-api openapi > $(DOCUMENT).new || { rm -f $(DOCUMENT).new; exit 1; }
	@mv $(DOCUMENT).new $(DOCUMENT)
	@$(BIN)/python scripts/errors.py

# What Debian 12 brings is too old for the linters.
NODE_FITS := const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 21 || (major == 20 && minor > 18) ? 0 : 1)

.PHONY: openapi-lint
openapi-lint: ## lint openapi/portal.json and compile a TypeScript client of it (needs npm and Node.js 20.19; said and left out without)
	@if command -v npm >/dev/null 2>&1 && node -e '$(NODE_FITS)'; then $(MAKE) openapi-lint-npm; \
	else echo "==> API description: lint and TypeScript compile SKIPPED, there is no npm with Node.js 20.19 or newer"; fi

.PHONY: openapi-packages
openapi-packages:
	$(call step,npm packages,cd openapi && { cmp -s package-lock.json node_modules/.installed || { npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed; }; })

.PHONY: openapi-lint-npm
openapi-lint-npm: openapi-packages
	$(call step,API description: lint,cd openapi && npm run --silent lint)
	$(call step,API description: TypeScript,cd openapi && npm run --silent compile)

.PHONY: bench
bench: install ## benchmarks, side by side in one run
	@$(BIN)/python -m bench

# The same command makes every lock, so that a difference in one is a difference in its packages.
COMPILE := $(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header

.PHONY: lock
lock: install ## make the locks in requirements/ anew from pyproject.toml and uv.in
	$(COMPILE) pyproject.toml --extra documents -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra documents --extra embedded -o requirements/embedded.txt
	$(COMPILE) pyproject.toml --extra documents --extra embedded --group dev -o requirements/dev.txt
	$(COMPILE) requirements/uv.in -o requirements/uv.txt

.PHONY: stop
stop: ## stop the PostgreSQL that was brought along, if one was left running
	@scripts/stop.sh

.PHONY: clean
clean: ## remove what can be made again; never .portal, which holds data
	rm -rf .venv openapi/node_modules openapi/generated .hypothesis .ruff_cache .pytest_cache .import_linter_cache dist
	find src tests bench migrations -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
