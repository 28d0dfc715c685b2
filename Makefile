# Nothing but Python, a C compiler and make is needed: the first target that needs it makes .venv.
#   make demo ARGS="--steps 100"    options for the command
#   make test ARGS="-k compile"     the same for pytest
#   make test PYTHON=python3.13     the interpreter that .venv is made with

PYTHON ?= python3
WORKERS ?= 2
OUT ?= build/demo
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint types wheel bench accuracy docs format clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(READY) ## train a SciPy layer on a photograph and draw the result in build/demo
	$(BIN)/scitorch demo --out $(OUT) $(ARGS)

test: $(READY) ## run the test suite
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

lint: $(READY) ## check style, docstrings, layers and the house rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/numpydoc lint $$(find src -name '*.py')
	$(BIN)/python tools/check_house.py

types: $(READY) ## check the types
	$(BIN)/pyright

wheel: $(READY) ## build wheels with and without a compiler, and use them without one
	$(BIN)/python tools/check_wheel.py

bench: $(READY) ## measure beside the alternatives; writes docs/benchmarks.md and its pictures
	$(BIN)/scitorch bench --out docs $(ARGS)

accuracy: $(READY) ## measure functions and derivatives against mpmath
	$(BIN)/python benchmarks/accuracy.py $(ARGS)

docs: $(READY) ## build the documentation in build/docs
	$(BIN)/sphinx-build -W --keep-going -q docs build/docs

format: $(READY) ## let ruff format and mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove whatever make has made
	rm -rf .venv build dist

$(READY): pyproject.toml constraints.txt $(wildcard kernels/*) src/scitorch/core/eager.cpp
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench,dev,docs,native,numba,pictures]"
	$(BIN)/scitorch compile || echo "All works without, some microseconds a call slower."
	touch $@
