# whet's commands for developers. A newcomer needs two: `make demo` and `make test`.
#
# TORCH_INDEX names another index for torch, for example
#   make TORCH_INDEX=https://download.pytorch.org/whl/cu128 demo      (a GPU of NVIDIA's)
#   make TORCH_INDEX=https://download.pytorch.org/whl/cpu demo        (Linux without a GPU: spares gigabytes)

PYTHON ?= python3.11
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WHET := $(BIN)/python -m whet.cli
# Processes of the test runner, each with one thread of its own: two that share every core are several times slower.
WORKERS ?= 2

.PHONY: demo test test-all check bench bench-kills docs reference test-floor clean

$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	$(PIP) -c constraints.txt -e .
	touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/core
	$(WHET) run examples/reviews-en --out runs/demo --overwrite
	@echo "open $(CURDIR)/runs/demo/report.html"

test: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-all: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --whole

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/reference.py --check
	$(BIN)/python -m pytest -q tests/house/test_rules.py tests/house/test_reference.py -p no:cacheprovider

reference: $(VENV)/dev
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/theory_code.py

bench: $(VENV)/dev
	$(PIP) -c constraints.txt -e '.[dev,bench]'
	test -d $(VENV)/litgpt || $(PIP) --no-deps --target $(VENV)/litgpt -r bench/litgpt.txt
	$(BIN)/python -m bench
	$(BIN)/python -m bench.table

bench-kills: $(VENV)/dev
	$(BIN)/python -m bench.kills

docs: $(VENV)/dev
	$(PIP) -c constraints.txt -e '.[dev,docs]'
	$(BIN)/mkdocs build --strict --site-dir site

# The lowest versions that pyproject.toml admits, in an environment of their own; run by hand before a release. The
# reference pages are made with the versions of constraints.txt (an older typer words its help otherwise).
test-floor:
	$(PYTHON) -m venv .venv-floor
	.venv-floor/bin/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.9.0
	.venv-floor/bin/python tools/floor.py > .venv-floor/floor.txt
	.venv-floor/bin/python -m pip install --quiet -c .venv-floor/floor.txt -e '.[dev]'
	OMP_NUM_THREADS=1 .venv-floor/bin/python -m pytest -n $(WORKERS) --dist loadfile --ignore tests/house/test_reference.py

clean:
	rm -rf $(VENV) .venv-floor site build dist .pytest_cache .mypy_cache .ruff_cache
