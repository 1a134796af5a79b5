# Everything starts here. Each target first brings what it needs; a second call finds it done.
#   make run      the product on http://127.0.0.1:8080 (PORT, HOST and DATA_DIR change that)
#   make test     all tests, on SQLite and PostgreSQL, then the journeys in a browser
#   make later    the fast half on SQLite with the clock ahead: WHEN=40 days, or WHEN="2028-02-29 10:00" of Beijing
#   make check    lint, types, translations, migrations
#   make bench    one JSON line a figure (BENCH_PROVINCE=1: a million elevators with a month of visits, BENCH_DAYS=365 a year)
#   make features which feature has which tests, from the last `make test`
#   make demo     an invented region (ELEVATORS=200 SEED=1)
#   make catalogues  bring new texts into translations/, to be translated there
#   make clean    build output and caches; never data

PORT ?= 8080
HOST ?= 127.0.0.1
DATA_DIR ?= instance
ELEVATORS ?= 200
SEED ?= 1
WHEN ?= 40
WORKERS ?= 2
export PORT HOST DATA_DIR
export FLASK_APP := run.py
export PYTHONDONTWRITEBYTECODE ?=

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run demo check lint types texts structure catalogues test fast journeys later bench features clean lock runtime dev services

help:
	@sed -n '2,10p' Makefile | sed 's/^# *//'

runtime:
	@scripts/bootstrap.sh runtime

dev:
	@scripts/bootstrap.sh dev

services: dev
	@scripts/services.sh

run: runtime
	@$(BIN)/python run.py

demo: runtime
	@$(BIN)/flask db upgrade && $(BIN)/flask sync-roles && $(BIN)/flask demo --elevators $(ELEVATORS) --seed $(SEED)

# -k: one finding never hides the others.
check: services
	@$(MAKE) --no-print-directory -k lint types texts structure

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

texts:
	$(BIN)/python scripts/catalogues.py check

structure:
	$(PYTEST) -q tests/test_architecture.py tests/test_migrations.py

# Whatever the caller's shell says, tests keep their compiled files: rewriting asserts anew costs each process of a run
# more than most files of tests, and each server that a test starts compiles the product again. `make clean` removes them.
test fast journeys later structure: export PYTHONDONTWRITEBYTECODE :=

# Both halves always run, so one failure never hides the other.
test: services
	@mkdir -p build && rm -f build/features.json build/junit-*.xml
	@status=0; \
	$(MAKE) --no-print-directory fast || status=1; \
	$(MAKE) --no-print-directory journeys || status=1; \
	exit $$status

fast:
	$(PYTEST) -q -n $(WORKERS) --dist worksteal --db both tests --ignore tests/journeys --junitxml build/junit-fast.xml --features build/features.json

journeys:
	$(PYTEST) -q -n $(WORKERS) --dist loadfile tests/journeys --junitxml build/junit-journeys.xml --features build/features.json

later: services
	@scripts/later.sh "$(WHEN)" -n $(WORKERS) --dist worksteal tests --ignore tests/journeys

bench: services
	@$(BIN)/python -m bench.run

catalogues: dev
	@$(BIN)/python scripts/catalogues.py update && $(BIN)/python scripts/catalogues.py compile

features: dev
	@$(BIN)/python scripts/features.py

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find app bench scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Newer versions, on purpose and by hand: no address and no path of this machine may enter a lock.
COMPILE := $(BIN)/pip-compile -q --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: dev
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -c requirements.txt -o requirements-dev.txt requirements-dev.in
