# make run     everything on this machine, at http://127.0.0.1:8080, with stand-ins for the platforms
# make test    linters, types, layering, and tests that take a second at most: under six minutes on two cores
# make test-all  the same, with all tests and cases, at full length, and a third of the rounds of kills
# make cases   inputs that failed once; skipped where the folder of them is absent
# make chaos   the crash tests at full length
# make image   follow the Dockerfile's steps in a bare folder
# make bench   what it costs and how fast it is, and whether the budgets hold; at most 5 minutes
# make bench PHASE=floods   one phase alone: start, load, floods, mails, mailbox, texts
# make lock    pin the newest versions that pyproject.toml allows
# make clean   forget what was built and installed; the data in ./var stays

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
CHECK_PYTHON = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or newer is needed, and $(PYTHON) is not: try make PYTHON=python3.12 (or its path)" >&2; exit 1; }

# Compiled modules are kept, whatever the shell says: without them each process of a test compiles all it loads.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := test
.PHONY: run test test-all lint cases chaos image bench lock clean

run: $(RUNS)
	@exec $(BIN)/desk up --sandbox

# The quick checks first: a slip shows within seconds.
test: $(STAMP) lint
	CHROMIUM="$$(tests/tools/chromium $(BIN)/python || true)" $(BIN)/python -m pytest -n 3 --dist worksteal

test-all: $(STAMP) lint
	FULL=1 CHROMIUM="$$(tests/tools/chromium $(BIN)/python || true)" $(BIN)/python -m pytest -n 4 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

cases: $(STAMP)
	$(BIN)/python -m pytest -n 2 tests/cases

chaos: $(STAMP)
	FULL=1 CHAOS=1 $(BIN)/python -m pytest -m chaos -n 2

image: $(STAMP)
	IMAGE=1 $(BIN)/python -m pytest -n 0 tests/platform/test_image.py

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(PHASE)

lock: $(STAMP)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock
	$(BIN)/python tests/tools/lock.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What running needs, and what testing needs beside it.
$(RUNS): requirements.lock requirements-uv.lock pyproject.toml
	@$(CHECK_PYTHON)
	@PYTHON="$(PYTHON)" tests/tools/install $(VENV) requirements.lock
	@touch $@

$(STAMP): requirements-dev.lock requirements-uv.lock pyproject.toml
	@$(CHECK_PYTHON)
	@PYTHON="$(PYTHON)" tests/tools/install $(VENV) requirements-dev.lock
	@touch $(RUNS) $@
