# Every target does its own set-up: `make demo` or `make test` in a fresh clone is all there is to do.
# Needed beforehand: Python 3.10 or newer with its venv module, and a C++ compiler.

PYTHON ?= python3
RUN := .venv/bin/python
# Tests are programs as users write them, mostly untyped.
CHECKED := $(wildcard src/pylms scripts benchmarks examples)

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz init data build_compiler bench format check-style check-types check-imports clean distclean

help:
	@echo "make demo            train on MNIST, natively compiled (lantern_demo.py)"
	@echo "make test            every check: style, types, imports, tests"
	@echo "make fuzz            random programs against Python until stopped; ARGS=--sanitize under ASan and UBSan"
	@echo "make init            make .venv and install everything into it"
	@echo "make data            get MNIST, unless it is there"
	@echo "make build_compiler  build the call binding, report the toolchain"
	@echo "make bench           run the benchmarks"
	@echo "make format          format the code"
	@echo "make clean           remove what was built; distclean: .venv and data as well"

demo: build_compiler data
	@$(RUN) lantern_demo.py

test: build_compiler data check-style check-types check-imports
	@echo "== pytest"
	@$(RUN) -m pytest -q --numprocesses auto --dist worksteal

init:
	@$(PYTHON) scripts/environment.py dev

fuzz: build_compiler
	@PYTHONPATH=src:. $(RUN) -m tests.property.fuzz $(ARGS)

data: init
	@$(RUN) -m pylms.data.download data

build_compiler: init
	@$(RUN) scripts/build_compiler.py

bench: build_compiler data
	@$(PYTHON) scripts/environment.py bench
	@$(RUN) -m benchmarks
	@$(RUN) -m benchmarks.kernels
	@$(RUN) -m benchmarks.examples

format: init
	@$(RUN) -m ruff check --quiet --fix .
	@$(RUN) -m ruff format .

check-style: init
	@echo "== ruff"
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .

check-types: init
	@echo "== mypy"
	@$(RUN) -m mypy $(CHECKED)

check-imports: init
	@echo "== import-linter"
	@.venv/bin/lint-imports --no-logo

clean:
	@rm -rf build gen src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests scripts benchmarks examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	@rm -rf .venv data
