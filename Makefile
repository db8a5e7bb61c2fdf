# Needs Python 3.11 or later and make; everything else comes into .venv from the locked requirements.

# A distribution's Python is built with profile-guided optimisation, one of pyenv's only where asked.
FIT := import ensurepip, pathlib, sysconfig; (pathlib.Path(sysconfig.get_path("include")) / "Python.h").stat()
PYTHON ?= $(shell /usr/bin/python3.11 -c '$(FIT)' 2>&- && echo /usr/bin/python3.11 \
	|| command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header $(UPGRADE)
# Processes with servers of their own, one more than cores, for half of them wait for something; files
# as a whole, long ones first, as they are collected.
JOBS ?= 3
SIDE_BY_SIDE := --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder
# A copy of the package whose hot modules are compiled; src/ is never compiled in place.
COMPILED := build/compiled
# 1 compiles in three quarters of the time, and costs a worker one or two percent.
OPTIMISE ?= 2
COMPILED_FROM := $(shell find src/card_fulfillment -type f -not -name '*.pyc') tools/compile.py
# Tests that run on the compiled modules as well; whoever starts a worker starts the compiled one.
TWICE := --hypothesis-profile=brief tests/contract tests/hostile \
	$(addprefix tests/unit/,domain messages pipeline vendors)
JAR_LOCK := src/card_fulfillment/devstack/kafka.lock

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo stack compiled test bench check lint types sizes lock clean FORCE

help: ## say what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED) ## run the whole story on an embedded Kafka and Postgres
	$(BIN)/card-fulfillment demo

stack: $(INSTALLED) ## run an embedded Kafka and Postgres until Ctrl-C
	$(BIN)/python -m card_fulfillment.devstack

compiled: $(COMPILED)/.made ## compile the hot modules in a copy of the package, where there is a C compiler

test: compiled ## run all tests, on embedded servers unless the environment names real ones; ARGS, JOBS
	COMPILED_PACKAGE=$$(cat $(COMPILED)/.made) $(BIN)/pytest -q $(SIDE_BY_SIDE) $(ARGS)
	@test -n "$(ARGS)" || test -z "$$(cat $(COMPILED)/.made)" || { echo "once more, compiled:"; \
	PYTHONPATH=$$(cat $(COMPILED)/.made) $(BIN)/pytest -q $(SIDE_BY_SIDE) $(TWICE); }

bench: compiled ## measure speed and cost; ARGS="--quick", "--hot", "--check", "--json FILE"
	PYTHONPATH=$$(cat $(COMPILED)/.made):tests $(BIN)/python -m benchmarks $(ARGS)

check: lint types sizes ## run every static check

lint: $(INSTALLED) ## check style, format and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@if grep -qs '^\[tool.importlinter\]' pyproject.toml || test -f .importlinter; \
	then $(BIN)/lint-imports; fi

types: $(INSTALLED) ## check types
	$(BIN)/mypy

sizes: $(INSTALLED) ## report the sizes of functions and files; fails where one is too long
	$(BIN)/python tools/sizes.py

lock: $(INSTALLED) ## resolve dependencies anew; UPGRADE=--upgrade takes newer versions
	$(COMPILE) pyproject.toml --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(COMPILE) requirements/build.in --output-file requirements/build.txt
	$(BIN)/python tools/lock_jars.py > $(JAR_LOCK).new && mv $(JAR_LOCK).new $(JAR_LOCK)

clean: ## delete .venv and everything generated
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +

# Changes when a source comes or goes, so that what was deleted is not left in the copy; and OPTIMISE.
build/sources.txt: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(OPTIMISE) $(sort $(COMPILED_FROM)) > $@.new
	@cmp -s $@.new $@ || mv $@.new $@

# Says where the compiled package is: nowhere if it cannot be made.
$(COMPILED)/.made: $(INSTALLED) $(COMPILED_FROM) build/sources.txt
	@rm -rf $(COMPILED) && mkdir -p $(COMPILED) && cp -R src/card_fulfillment $(COMPILED)/
	@$(BIN)/python tools/compile.py $(COMPILED) $(OPTIMISE) && made=$(abspath $(COMPILED)) \
	|| { test $$? -eq 3 && made=; } && echo $$made > $@
	@$(BIN)/python -m compileall -q $(COMPILED)

$(INSTALLED): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(UV) || $(BIN)/python -m pip install --quiet uv==0.13.9
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes \
		-r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@
