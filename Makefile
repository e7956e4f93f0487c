# Everything a newcomer needs: `make demo` and `make test`. Both set up what they need first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

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
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: setup ## Run only the tests that need no broker, browser or network weights
	$(BIN)/python -m pytest -m 'not broker and not browser and not model'

# Debian's Chromium where this machine lets us install it; the tests say plainly what they skip without it.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	|| echo 'No Chromium here, and no right to install it: browser tests will be skipped (`sudo apt-get install chromium`).'

screenshots: setup browser ## Make the README's pictures of the pages, with a real stack and a fake camera
	$(BIN)/python -m tests.browser.screenshots

clean: ## Remove the virtual environment and the tools' caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
