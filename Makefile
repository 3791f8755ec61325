# From nothing but Python 3.11 and make: `make demo` shows the server, `make test` proves it. `make help` lists all.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3) python3)
PORT ?= 8080
JIT_DATA ?= .jit
QUICK ?=
ARGS ?=

UV := .uv/bin/uv
VENV := .venv
PY := $(VENV)/bin/python
DEMO := $(VENV)/.demo-installed
DEV := $(VENV)/.dev-installed

.PHONY: help
help: ## list what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@printf '\nHonoured: PORT (now %s), JIT_DATA (now %s), QUICK=1 for a short bench, ARGS for pytest.\n' '$(PORT)' '$(JIT_DATA)'

.PHONY: demo
demo: $(DEMO) assets ## run the whole product with three demo agencies; Ctrl-C stops it, the data stay in JIT_DATA
	@exec $(PY) -m jit_server.cli demo --port '$(PORT)' --data '$(JIT_DATA)' $(ARGS)

.PHONY: test
test: $(DEV) assets ## run every test (needs Chromium and Ceph's gateway: .ci/run installs them)
	@$(PY) -m tests $(ARGS)

.PHONY: check
check: $(DEV) assets ## format, lint, types, storeys of the house, page and script checks
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) hatch_build.py --check

.PHONY: bench
bench: $(DEV) assets ## measure; one JSON line a case (QUICK=1: within 3 minutes)
	@$(PY) -m bench $(if $(QUICK),--quick) $(ARGS)

.PHONY: coverage
coverage: $(DEV) assets ## run every test and show which branches no test takes
	$(PY) -m pytest --cov --cov-report=term $(ARGS)

.PHONY: mutation
mutation: $(DEV) assets ## break the rules of access one by one and count what the tests notice (ARGS=policy: one module)
	@$(PY) -m tests.access.mutation $(ARGS)

.PHONY: assets
assets: $(DEMO) ## bundle the browser assets with Node from a wheel, and compile the translations
	@$(PY) hatch_build.py >&2

.PHONY: messages
messages: $(DEV) ## bring the translations level with the pages; new phrases come empty
	@$(PY) hatch_build.py --messages

.PHONY: format
format: $(DEV) ## let ruff format and mend what it can
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

.PHONY: lock
lock: $(UV) ## resolve requirements/*.in anew into hash-pinned requirements/*.txt
	cd requirements && for name in run demo dev uv; do \
	  ../$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 \
	    --custom-compile-command 'make lock' $$name.in $$([ $$name = demo -o $$name = dev ] && echo '-c run.txt') -o $$name.txt || exit; done

.PHONY: clean
clean: ## remove what was built; keeps JIT_DATA
	rm -rf $(VENV) .uv build dist mutants static/vendor static/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# uv has a pinned version too, and its own little environment.
$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed; name it with PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -m venv .uv || { echo 'Python lacks venv: apt-get install python3-venv' >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(PY): | $(UV)
	@$(UV) venv --quiet --python '$(PYTHON)' $(VENV)

$(DEMO): requirements/demo.txt pyproject.toml $(UV) | $(PY)
	@echo 'Installing what the server needs ...' >&2
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/demo.txt
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(DEMO) | $(PY)
	@echo 'Installing what the tests need ...' >&2
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $@
