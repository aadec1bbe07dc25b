# Needs python3 (3.11 to 3.13) and make; everything else is put into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench clean

demo: .venv/installed
	$(BIN)/nemo-trust demo $(DEMO_OPTIONS)

test: .venv/developing
	$(BIN)/python -m pytest $(TEST_OPTIONS)

check: .venv/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/developing
	$(BIN)/python -m tests.benchmarks

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip

.venv/installed: .venv/bin/pip pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

# One resolve of everything: cleanlab-studio and huggingface-hub agree on click only then.
.venv/developing: .venv/bin/pip pyproject.toml
	$(BIN)/pip install --quiet --editable ".[all]" --group dev
	touch $@ .venv/installed

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
