# The face of the house. A machine needs Python 3.11 or newer, git and make; the rest comes by itself.
# `make help` lists the targets.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

V := .venv
PY := $(V)/bin/python
UV := $(V)/bin/uv
INSTALL := $(UV) pip install --quiet --python $(PY)
COMPILE := $(abspath $(UV)) pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links --no-config

# Your own python: `make setup PYTHON=/path/to/python3.12`.
PYTHON ?= python3
# Words for the command behind the target: `make demo ARGS=--check`, `make test ARGS="-k resume"`.
ARGS ?=
# Test processes side by side.
JOBS ?= 2

# How many sequences, kills and refreshes `make prove` makes, and from which seed; without one it prints a new one.
SEQUENCES ?= 10000
KILLS ?= 1000
REFRESHES ?= 10000
SEED ?=

# Another environment's settings must not reach into ours.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX UV_PROJECT_ENVIRONMENT PIP_REQUIRE_VIRTUALENV PIP_USER PIP_TARGET
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# ── setting up ──────────────────────────────────────────────────────────────────────────────────────────
# Each step leaves a marker in .venv; a step runs again when what it was made from is newer.

.PHONY: setup
setup: $(V)/.dev ## set up .venv with everything that work on Penstock needs

# The host's pip, where there is one, fills the new environment: half the time of putting a pip inside it.
$(V)/.boot: requirements/boot.lock
	@python=$$(tools/find-python $(PYTHON)) || exit 1; \
	echo "setting up $(V) with $$("$$python" --version)"; \
	if [ ! -x $(PY) ] || ! $(PY) -c '' 2>/dev/null; then \
		if "$$python" -c 'import pip' 2>/dev/null; \
		then "$$python" -m venv --clear --without-pip $(V); \
		else "$$python" -m venv --clear $(V); fi || exit 1; \
	fi; \
	if [ -x $(V)/bin/pip ]; then pip="$(PY) -m pip"; else pip="$$python -m pip --python $(PY)"; fi; \
	$$pip install --quiet --no-deps --no-compile --only-binary :all: --require-hashes --requirement requirements/boot.lock
	@touch $@

$(V)/.core: $(V)/.boot requirements/core.lock requirements/build.lock pyproject.toml src/penstock/_version.py
	@$(INSTALL) --require-hashes --requirement requirements/core.lock --requirement requirements/build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(V)/.dev: $(V)/.core requirements/dev.lock
	@$(INSTALL) --require-hashes --requirement requirements/dev.lock
	@touch $@

.PHONY: services
services: $(V)/.dev ## install the servers that the tests marked `service` ask for
	@$(PY) -m tests.services

# ── the web app ─────────────────────────────────────────────────────────────────────────────────────────
# Node.js comes as a wheel into .venv. What builds the app is installed apart from what checks it, since only
# people who change it need the second.

NPM := PATH="$(abspath $(V)/bin):$$PATH" $(abspath $(V)/bin/npm) --prefix ui --no-progress --loglevel=error
STATIC := src/penstock/web/static
APP := $(STATIC)/index.html
SITE := $(STATIC)/site.js
UI := $(APP) $(SITE)

.PHONY: ui
ui: $(V)/.npm ## build the web app, and what a site on disk carries, into src/penstock/web/static
	@$(MAKE) --no-print-directory --jobs 2 $(UI)

$(V)/.node: $(V)/.boot requirements/ui.lock
	@$(INSTALL) --require-hashes --requirement requirements/ui.lock
	@touch $@

$(V)/.npm: $(V)/.node ui/package.json ui/package-lock.json ui/.npmrc
	@$(NPM) ci --omit=dev >/dev/null
	@touch $@

$(V)/.npm-dev: $(V)/.npm
	@$(NPM) ci >/dev/null
	@touch $@

VITE := PATH="$(abspath $(V)/bin):$$PATH" ui/node_modules/.bin/vite build ui --logLevel warn
UI_SOURCES := $(shell find ui -name node_modules -prune -o -type f -print)

# Files are named by what is in them: those of an earlier build would stay.
$(APP): $(V)/.npm $(UI_SOURCES)
	@mkdir -p $(STATIC)
	@find $(STATIC) -mindepth 1 -maxdepth 1 ! -name 'site.*' -exec rm -r {} +
	@$(VITE)
	@touch $@

$(SITE): $(V)/.npm $(UI_SOURCES)
	@$(VITE) --mode site
	@touch $@

# ── using it ────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: demo story
# The web app is made while the demo's first run goes on; what a site on disk carries, while one looks at it.
demo: $(V)/.boot ## make the demo project, run and serve it; ARGS=--check proves its numbers
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory --jobs 2 story $(APP)
	@$(MAKE) --no-print-directory $(SITE) & $(V)/bin/penstock demo --no-run; code=$$?; wait; exit $$code
else
	@$(MAKE) --no-print-directory --jobs 2 $(V)/.core $(UI)
	@$(V)/bin/penstock demo $(ARGS)
endif

story: $(V)/.core
	@$(V)/bin/penstock demo --no-serve

.PHONY: wheel
wheel: $(V)/.core $(UI) ## build dist/*.whl
	@rm -rf dist
	@$(PY) -m hatchling build --target wheel

# ── proving it ──────────────────────────────────────────────────────────────────────────────────────────

.PHONY: test
test: $(V)/.dev $(V)/.npm-dev $(UI) ui-test ## every test: the quick part first, then the slow one
	$(PY) -m pytest -m "not slow" -n $(JOBS) $(ARGS)
	$(PY) -m pytest -m slow -n $(JOBS) $(ARGS)

.PHONY: ui-test
ui-test: $(V)/.npm-dev ## what charts and pages compute, by Node.js's own test runner
	@$(V)/bin/node --test --test-reporter=dot 'ui/tests/*.test.ts'

.PHONY: unit
unit: $(V)/.dev ## unit and property tests and the documented examples
	$(PY) -m pytest -m "not slow" -n $(JOBS) src/penstock $(wildcard tests/unit tests/property tests/golden) $(ARGS)

.PHONY: conformance
conformance: $(V)/.dev ## every implementation against its protocol's suite
	$(PY) -m pytest -n $(JOBS) tests/conformance $(ARGS)

.PHONY: faults
faults: $(V)/.dev ## kill it at every named fault point, and at random, and run again
	$(PY) -m pytest -n $(JOBS) tests/faults $(ARGS)

.PHONY: mutants
mutants: $(V)/.dev ## break each rule of the engine on purpose: its tests must notice; ARGS="WORD" chooses
	$(PY) tools/mutants.py $(ARGS)

.PHONY: prove
prove: $(V)/.dev ## ten thousand random sequences and refreshes, a thousand random kills; SEQUENCES=500 KILLS=50
	$(PY) -m tests.property.engine.prove --sequences $(SEQUENCES) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) $(ARGS)
	$(PY) -m tests.faults.kills --kills $(KILLS) $(if $(SEED),--seed $(SEED))
	PENSTOCK_REFRESHES=$(REFRESHES) $(PY) -m pytest -q tests/unit/refresh/test_retention.py -k does_not_grow

.PHONY: lint
lint: $(V)/.dev ## style, and the reader's budget of 500 lines a file and 50 a function
	$(V)/bin/ruff check .
	$(V)/bin/ruff format --check .
	$(PY) tools/size.py src/penstock

.PHONY: types
types: $(V)/.dev $(V)/.npm-dev ## mypy strict on the package, pyright on its public door, svelte-check on the web app
	$(V)/bin/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(V)/bin/pyright
	$(NPM) run --silent types

.PHONY: arch
arch: $(V)/.dev ## the layers hold
	$(V)/bin/lint-imports

.PHONY: bench
bench: $(V)/.dev ## one question's benchmark: NAME=ingest, SIZE=small for under a minute
	@$(PY) benchmarks/run.py --name "$(NAME)" --size "$(SIZE)" --part "$(PART)"

# ── keeping it ──────────────────────────────────────────────────────────────────────────────────────────

.PHONY: format
format: $(V)/.dev ## mend what ruff can mend
	$(V)/bin/ruff check --fix .
	$(V)/bin/ruff format .

# A lock names neither a registry nor a path, so that it installs from any mirror. UPGRADE=1 takes newer versions.
.PHONY: lock
lock: $(V)/.boot ## resolve requirements/*.in into requirements/*.lock; UPGRADE=1 takes newer versions
	cd requirements && for name in boot build core ui; do \
		$(COMPILE) $(if $(UPGRADE),--upgrade) $$name.in --output-file $$name.lock >/dev/null || exit 1; done
	cd requirements && $(COMPILE) $(if $(UPGRADE),--upgrade) --constraint core.lock --constraint build.lock --constraint ui.lock \
		dev.in --output-file dev.lock >/dev/null
	@! grep -nE 'https?:|file:|find-links|index-url|^(/|\./)' requirements/*.lock

.PHONY: clean
clean: ## remove what the targets above made
	rm -rf $(V) ui/node_modules src/penstock/web/static dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
