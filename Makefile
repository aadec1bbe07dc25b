# Needs python3 (3.11 to 3.13) and make; everything else is put into .venv.
PYTHON ?= python3
BIN := .venv/bin
# Into the environment that is named behind it; several times as fast as pip.
INSTALL := $(BIN)/uv pip install --quiet --python
# Twice as many as cores, since many tests wait for a server or a time-out.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))')
LOWEST_TESTS := tests/models tests/signals tests/exchange tests/calibration tests/datasets/test_writers.py \
  tests/integrations/testing tests/integrations/langfuse/test_client.py $(wildcard tests/integrations/test_*.py)
SOURCES := pyproject.toml README.md $(shell find src examples -type f ! -name '*.pyc')

.PHONY: demo test check bench fuzz docs images lowest dist clean

demo: .venv/package
	$(BIN)/nemo-trust demo $(DEMO_OPTIONS)

# Else every process of the tests would compile all that it imports anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/development .venv/langfuse4/installed .venv/clients/installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TEST_OPTIONS)

check: .venv/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/development
	$(BIN)/python -m tests.benchmarks $(BENCHMARKS)

# Hostile texts, as long as one likes: make fuzz SECONDS=600
fuzz: .venv/development
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

# The site, in site/, with the schemas that editors look up there; a warning is an error.
docs: .venv/docs/installed .venv/package
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --quiet --strict
	mkdir -p site/schemas
	$(BIN)/nemo-trust schema rail > site/schemas/rail.json
	$(BIN)/nemo-trust schema server > site/schemas/server.json

.venv/docs/installed: .venv/uv pyproject.toml
	$(PYTHON) -m venv .venv/docs
	$(INSTALL) .venv/docs --group docs
	touch $@

# The pictures of the README; needs Chromium.
images: .venv/development
	$(BIN)/python -m tests.images

# The oldest versions that pyproject.toml allows, on tests that need nothing beside them. Old
# versions warn of what has since gone; the oldest Langfuse client reads older servers only, the
# oldest aiohttp reads headers without end until the time is over, and the oldest LiteLLM cannot
# put a stream of several choices together.
lowest: .venv/lowest/installed .venv/clients/installed
	.venv/lowest/bin/python -m pytest -q -p no:cacheprovider -W default $(LOWEST_TESTS) \
	  --ignore tests/models/test_ray_rates.py \
	  --deselect tests/integrations/langfuse/test_client.py::test_a_page_that_is_too_large_is_read_in_smaller_ones \
	  --deselect tests/integrations/langfuse/test_client.py::test_what_is_too_large_by_itself_is_said \
	  --deselect "tests/exchange/test_thinking_forms.py::test_at_every_door_the_score_is_that_of_the_answer_alone[langfuse]" \
	  --deselect "tests/models/test_odd_protocol.py::test_what_cannot_be_read_ends_in_time_with_an_error_of_ours[headers without end]" \
	  --deselect tests/integrations/test_litellm.py::test_a_stream_of_several_choices_is_scored_by_choice

# What is published: an sdist, and a wheel made of it.
dist: .venv/uv
	$(INSTALL) .venv build twine
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*

.venv/uv:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip uv
	touch $@

# A normal install, since NeMo Guardrails does not find the rail of an editable one by itself.
.venv/package: .venv/uv $(SOURCES)
	$(INSTALL) .venv --upgrade .
	touch $@

# One resolve of everything: cleanlab-studio and huggingface-hub agree on click only then.
.venv/dependencies: .venv/uv pyproject.toml
	$(INSTALL) .venv --upgrade ".[all]" --group dev
	touch $@

.venv/development: .venv/dependencies $(SOURCES)
	$(INSTALL) .venv --no-deps --reinstall .
	touch $@ .venv/package

# The older Langfuse client, which cannot stand beside the newer one.
.venv/langfuse4/installed: .venv/uv
	$(PYTHON) -m venv .venv/langfuse4
	$(INSTALL) .venv/langfuse4 "langfuse>=4.18,<5"
	touch $@

.venv/lowest/installed: .venv/uv $(SOURCES)
	$(PYTHON) -m venv .venv/lowest
	$(INSTALL) .venv/lowest --resolution lowest-direct \
	  --only-binary :all: --no-binary nemoguardrails-trust --reinstall-package nemoguardrails-trust \
	  ".[claims,datasets,excel,langchain,langfuse,litellm,llama-index,mlflow,openai,opentelemetry,report,server]" \
	  "pytest>=8.4" "pytest-asyncio>=1" "hypothesis>=6.100" "pytest-xdist>=3.6" "pandas>=2.2"
	touch $@

# Clients of TLM, and MLflow whole, that are too heavy to stand with everything else.
.venv/clients/installed: .venv/uv
	$(PYTHON) -m venv .venv/clients
	$(INSTALL) .venv/clients "cleanlab-tlm>=1.1.39,<2" scikit-learn \
	  "llama-index-llms-cleanlab>=0.8,<0.9" "azure-ai-inference>=1.0.0b9,<2" "mlflow>=3.4,<4"
	touch $@

clean:
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
