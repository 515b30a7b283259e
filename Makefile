# Every target installs what it needs into this folder first; see scripts/setup.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-full invariants coverage lint bench contracts clients lock clean distclean setup-run setup-dev setup-test

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
FORGE := node_modules/.bin/forge

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1@\2/p' $(MAKEFILE_LIST) | column -t -s@ 2>/dev/null || \
	  sed -nE 's/^([a-z-]+):.*## (.*)/  make \1   \2/p' $(MAKEFILE_LIST)

demo: setup-run  ## a job on three nodes and a local chain, paid and checked, in a panel (ONCE=1: then exit)
	@exec fogchain demo $(if $(ONCE),--once)

test: setup-test  ## all tests: contracts, Python, real processes, browser (ARGS=... goes to pytest)
	@status=0; \
	rm -rf .stamps/gas && cp -r snapshots .stamps/gas; \
	$(FORGE) test || status=1; \
	scripts/gas.py .stamps/gas snapshots || status=1; \
	pytest -m browser $(ARGS) || { [ $$? = 5 ] && [ -n "$(ARGS)" ]; } || status=1; \
	pytest -m "not browser" -n 2 --dist loadfile $(ARGS) || status=1; \
	exit $$status
# Two pytest processes: Playwright's own event loop and asyncio tests do not live in one. The second shares its files out
# over two workers, since much of its time is waiting for chains and nodes.

test-full: export FOUNDRY_PROFILE = deep
test-full: export FOGCHAIN_KILLS = 200
test-full: test  ## the same with long fuzzing of the contracts and 200 random kills (an hour)

invariants: export FOUNDRY_PROFILE = deep
invariants: setup-dev  ## 130,000 calls of the contracts in any order, and what holds after each of them
	$(FORGE) test --match-path 'tests/contracts/forge/invariant/*' --show-progress

coverage: setup-dev  ## which lines of the contracts the tests reach; fails below 98 % of lines, 95 % of branches
	@mkdir -p coverage
	@FOUNDRY_FUZZ_RUNS=32 $(FORGE) coverage --skip '*/gas/*' --skip '*/invariant/*' \
	  --report lcov --report-file coverage/lcov.info >coverage/log 2>&1 || { tail -40 coverage/log >&2; exit 1; }
	@scripts/coverage.py coverage/lcov.info
# Without optimizer: what gas costs says nothing here, and fuzzing at length reaches no more lines.

lint: setup-dev  ## style, types, import rules, contracts, and that what is generated is up to date
	ruff check .
	ruff format --check .
	mypy
	mypy scripts/export_artifacts.py scripts/coverage.py scripts/gas.py scripts/sync_clients.py
	lint-imports --no-logo
	solhint --noPoster --disc --max-warnings 0 'contracts/**/*.sol'
	$(FORGE) fmt --check
	scripts/export_artifacts.py --check
	scripts/sync_clients.py --check
	scripts/slither

bench: setup-run  ## the benchmarks, printed as tables (SUITES="market chain sandbox harvest e2e", JSON=1)
	@for suite in $(or $(SUITES),market chain sandbox harvest e2e); do fogchain bench $$suite $(if $(JSON),--json); done

contracts: setup-dev  ## compile the contracts and export ABI and bytecode into the package
	scripts/export_artifacts.py

clients: setup-dev  ## write the blocking Python clients from the asynchronous ones
	scripts/sync_clients.py

lock: setup-dev  ## resolve all requirements anew (ONLY=npm or ONLY=python)
	PATH="$$PATH:.venv-uv/bin" scripts/lock $(or $(ONLY),all)

clean:  ## remove build output and caches
	rm -rf out cache build dist coverage lcov.info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find fogchain node ui tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## and everything that was installed into this folder
	rm -rf .venv .venv-uv .venv-brownie .venv-slither node_modules tests/interop/node_modules .stamps

setup-run setup-dev setup-test: setup-%:
	@scripts/setup $*
