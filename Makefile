PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)
PORT ?= 8501
TESTS ?= not slow

.PHONY: help install demo dashboard test slow lint format

help: ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): several GB, 2 to 10 minutes."
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/python -m pip install --quiet -e '.[dev,parity]' || echo 'The tools of [parity] are absent: their tests are skipped.'
	touch $(STAMP)

install: $(STAMP) ## make the virtual environment and install everything (about 7 GB)

demo: install ## simulate a small data set, train and compare two models, register the better one
	sh demo.sh $(PORT)

dashboard: install ## start the dashboard
	cytolapse dashboard --port $(PORT)

test: install ## the test suite, without what is slow
	python -m pytest -n 2 --dist worksteal -m "$(TESTS)"

slow: install ## the slow tests
	python -m pytest -n 2 --dist worksteal -m slow

lint: install ## style and types
	ruff check . && ruff format --check . && mypy

format: install ## format the code
	ruff check --fix . && ruff format .
