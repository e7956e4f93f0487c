# Everything a newcomer needs: `make demo` and `make test`. Both set up what they need first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# two test files at a time: most tests wait for a browser or for Kafka
IN_PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit browser screenshots clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Install Sightstream and all it needs into .venv (quick when nothing changed)

$(VENV)/.installed: pyproject.toml infra/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sightstream needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint infra/constraints.txt --editable '.[all,dev]'
	@touch $@

demo: setup ## Run the whole stack on this machine: Kafka, worker, gateway, web page
	$(BIN)/sightstream up

test: setup browser check ## Run all checks and all tests
	$(BIN)/python -m pytest $(IN_PARALLEL)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: setup ## Run only the tests that need no broker, browser or network weights
	$(BIN)/python -m pytest -m 'not broker and not browser and not model'

# Debian's browsers where this machine lets us install them; the tests name what they skip without them.
browser:
	@need() { package=$$1; shift; for name; do command -v "$$name" >/dev/null && return; done; missing="$$missing $$package"; }; \
	need chromium chromium chromium-browser google-chrome; need firefox-esr firefox-esr; \
	need webkit2gtk-driver WebKitWebDriver; need xvfb Xvfb; \
	[ -n "$$missing" ] || exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq; \
	  for package in $$missing; do \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$package >/dev/null \
	    || echo "$$package cannot be installed here: its tests will be skipped."; \
	  done; \
	else \
	  echo "No right to install browsers here: some tests will be skipped (\`sudo apt-get install$$missing\`)."; \
	fi

screenshots: setup browser ## Make the README's pictures of the pages, with a real stack and a fake camera
	$(BIN)/python -m tests.browser.screenshots

clean: ## Remove the virtual environment and the tools' caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
