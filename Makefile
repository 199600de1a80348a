# make sweep   runs config.yaml: sets up .venv, fits everything, writes results/report/index.html
# make test    the same set-up, then lint and the test suite
# Needs python3 (3.11 or later), make and git, nothing else. CORES=2 limits a sweep, PYTHON=... names another Python.

PYTHON ?= python3
CORES ?= all
BIN := $(CURDIR)/.venv/bin
INSTALLED := .venv/.installed

# Snakemake's rules and the tests call commands by name: those of the environment here, not whatever is activated.
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
unexport PYTHONHOME
unexport PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help install sweep lint test clean

help:
	@echo "make sweep    run config.yaml on all cores (CORES=2 for two); the report is results/report/index.html"
	@echo "make test     lint and all tests"
	@echo "make lint     lint alone"
	@echo "make install  the environment alone, in .venv; sweep, test and lint make it themselves"
	@echo "make clean    remove .venv and caches; results/ and logs/ stay"

install: $(INSTALLED)

# Made again only when the pins or the package's description change.
$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || \
	  { echo "mixsweep needs Python 3.11 or later, but there is no $(PYTHON) (make PYTHON=... names another)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mixsweep needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1) (make PYTHON=... names another)." >&2; exit 1; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
	  { $(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	    { echo "$(PYTHON) comes without the venv module (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
	    echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear .venv; }
	@echo "Installing the packages of requirements.lock into .venv (once; a few minutes on a slow line)"
	@$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

sweep: $(INSTALLED)
	@mixsweep run --cores $(CORES)
	@echo "Open $(CURDIR)/results/report/index.html in a browser."

lint: $(INSTALLED)
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	codespell
	snakemake --lint

test: lint
	pytest

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
