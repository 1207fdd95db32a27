# Everything runs in .venv, which needs Python 3.11 or newer (choose one with `make PYTHON=python3.12 ...`).
PYTHON ?= python3
VENV ?= .venv
WORLD ?= rooms
OUTPUT ?= runs/demo$(if $(filter-out rooms,$(WORLD)),_$(WORLD))
BIN := $(VENV)/bin

# One BLAS thread per process: Ray runs one process per core. Huge pages: a quarter more labels a second
# on a virtual machine. Bytecode is kept, whatever the machine says: a test session starts hundreds of processes.
export OMP_NUM_THREADS := 1
export GLIBC_TUNABLES := glibc.malloc.hugetlb=1
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint bench clean

# File by file: what a file sets up is set up once. Three, since what starts a Ray or a server waits half of its time.
TESTS = $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=25

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 8

demo: $(VENV)/.installed ## label, fit and mask with the embedded model (WORLD=faces: drawn faces, five properties); prints where the report is
	$(BIN)/higan-cam run --output $(OUTPUT) $(if $(filter-out rooms,$(WORLD)),--config $(WORLD))

test: $(VENV)/.installed-dev ## run every test (ONLY='ceph or chromium': those with these markers)
	$(TESTS) $(if $(ONLY),-m '$(ONLY)')

check: lint ## the quick round: lint, and the tests that are neither slow nor start servers or a Ray
	$(TESTS) -m 'not slow and not integration'

lint: $(VENV)/.installed-dev ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy higan_cam jobs tests
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## measure, as ratios within one run
	$(BIN)/python -m tests.benchmarks

clean: ## remove the environment, caches and build outputs; runs stay
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find higan_cam jobs tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " \
	  + sys.version.split()[0] + "; name one with: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

# The interpreter is order-only: its file is older than any checkout.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev,s3]'
	@touch $(VENV)/.installed $@
