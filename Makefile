# make demo: a lesion untreated and treated, side by side.   make test: the whole test suite.
# make docs: docs/model.md and configs/schema.json.            make validation: docs/validation.md, two to three hours of runs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs validation clean
demo: $(VENV)/.installed
	$(BIN)/python -m experiments.demo

test: $(VENV)/.installed-dev lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed
	$(BIN)/python -m experiments.model_page

validation: $(VENV)/.installed
	$(BIN)/remyelin targets
	$(BIN)/python -m experiments.targets_page

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[video]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) runs
