# Two commands on a fresh machine: `make demo` and `make test`. Everything else is for people who work on the code.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test tools lint types imports unit format lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@echo "preparing the environment (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 demo")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/demo.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml
	@echo "preparing the environment for tests (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 test")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/test.txt
	@$(PIP) install --no-deps --editable .
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## an agent that works, a simulated Slack and the real bot, on a page
	@$(BIN)/agent-kill demo

# Two runs: what measures time has the machine for itself, and the rest shares it. Both are run whatever the first says.
# What is compiled is kept: hundreds of processes would otherwise compile the same files again.
WORKERS ?= 4
unexport PYTHONDONTWRITEBYTECODE
test: $(VENV)/.test tools ## linters, types, import rules and every test
	@$(MAKE) --no-print-directory -j2 --output-sync=target types lint imports compiled
	@status=0; $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not alone" || status=1; \
	$(BIN)/python -m pytest -m alone || status=1; exit $$status

# What no wheel carries: a browser for the demo's page, strace for the faults, spin for the protocol's model, a RabbitMQ.
# Debian starts what it installs unless a policy says no; the tests start a private RabbitMQ of their own.
TOOLS := chromium strace spin rabbitmq-server nginx
tools:
	@missing=""; PATH="$$PATH:/usr/sbin"; for tool in $(TOOLS); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		policy=/usr/sbin/policy-rc.d; if [ ! -e $$policy ]; then \
			trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; fi; \
		echo "installing$$missing ..."; apt-get update -qq >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "not installed:$$missing; what needs them is skipped (as root: apt-get install$$missing)"; fi

.PHONY: compiled
compiled: $(VENV)/.test
	@$(BIN)/python -m compileall -q bot adapters
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || $(BIN)/python -m pytest --collect-only -q

lint: $(VENV)/.test ## ruff, rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.test ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/.test ## who may import whom
	@$(BIN)/lint-imports

unit: $(VENV)/.test ## the tests that need no server; seconds
	@$(BIN)/python -m pytest tests/unit tests/properties

format: $(VENV)/.test ## let ruff format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: $(VENV)/.test ## compile requirements/*.txt from pyproject.toml (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/base.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra demo -c requirements/base.txt pyproject.toml -o requirements/demo.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra demo --extra test -c requirements/demo.txt pyproject.toml -o requirements/test.txt

clean: ## remove the environment
	@rm -rf $(VENV) build *.egg-info

.PHONY: faults
faults: $(VENV)/.test ## the fault suite whole: every crash point, and 30,000 stops (most of an hour; needs strace and root)
	@$(BIN)/python -m tests.properties.explore --demands 30000
	@$(BIN)/python -m pytest --long -o log_cli=true -o log_cli_level=INFO tests/faults

.PHONY: model explore mutants reliability
reliability: $(VENV)/.test ## everything that reliability is judged by; writes docs/reliability.md (ARGS="--only model audit")
	@nice -n 5 $(BIN)/python -m tests.reliability $(ARGS)

model: $(VENV)/.test ## check the protocol's model and its broken variants (needs spin and gcc)
	@$(BIN)/python -m model.run

explore: $(VENV)/.test ## 30,000 stop demands and 100,000 steps of restores under random faults in virtual time
	@$(BIN)/python -m tests.properties.explore --demands 30000
	@$(BIN)/python -m tests.properties.explore_restores --steps 100000

mutants: $(VENV)/.test ## mutate the stop path, name what no quick test notices; writes docs/mutants.md
	@nice -n 19 $(BIN)/python -m tests.properties.mutants $(ARGS)

bench: $(VENV)/.test ## measure the real bot beside a floor and the obvious program; writes docs/performance.md
	@$(BIN)/python -m benchmarks.run $(ARGS)

.PHONY: witness
witness: $(VENV)/.test ## every seeded defect of every adapter, and 50 stops of a busy agent per kind and mode; prints the times
	@$(BIN)/python -m pytest --long -n 2 tests/contract/test_seeded_defects.py
	@$(BIN)/python -m pytest --long tests/contract/test_witness.py
