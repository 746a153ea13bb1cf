# Every target makes .venv if it is missing and installs only what it needs.
# Choose another interpreter with `make test PYTHON=python3.12`, another folder with `make test VENV=~/envs/genviz`.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
# An installed set is remembered as a file in the environment, named after the pyproject.toml it came from.
KEY := $(shell cksum < pyproject.toml | cut -d' ' -f1)
CORE := $(VENV)/.genviz-$(KEY)-core
TEST := $(VENV)/.genviz-$(KEY)-test
LINT := $(VENV)/.genviz-$(KEY)-lint
LAB := $(VENV)/.genviz-$(KEY)-lab
DOCS := $(VENV)/.genviz-$(KEY)-docs
VIEWS := $(VENV)/.genviz-$(KEY)-views
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# One test process a core, at most four: each holds torch and a section in memory.
CORES := $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
JOBS ?= $(shell n=$(CORES); [ "$$n" -gt 4 ] && n=4; echo "$$n")
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo test notebooks views lint lab docs

help:  ## Show this text.
	@echo "genviz: make TARGET"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-8s %s\n", $$1, $$2 }'
	@echo "Set GENVIZ_DATA to a folder with her2st/ to use data that is already here."

demo: $(CORE)  ## Fit on three real sections, predict a fourth, write runs/demo/ (ARGS=--smoke: machinery only).
	$(BIN)/genviz demo --out runs/demo $(ARGS)

test: $(TEST)  ## Run the tests (ARGS="-k tree" to choose).
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q $(ARGS)

notebooks: $(TEST)  ## Execute the notebooks (ARGS="-k tour" to choose).
	$(ONE_THREAD) $(BIN)/python -m pytest -m notebook -n $(JOBS) --dist worksteal -q tests/test_notebooks.py $(ARGS)

# Windows of napari need a display; a machine without one gets it from Xvfb.
WINDOW := $(if $(filter Linux,$(shell uname)),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,xvfb-run -a -s "-screen 0 1600x1200x24"))

views: $(VIEWS)  ## Drive the live views in Chromium and napari in a window (ARGS="-k monitor" to choose).
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	  echo "make views needs Chromium; it is not installed. On Debian or Ubuntu: apt-get install chromium" >&2; exit 1
	@[ -z '$(WINDOW)' ] || command -v xvfb-run >/dev/null || \
	  { echo "make views needs a display or xvfb-run; there is neither. On Debian or Ubuntu: apt-get install xvfb xauth" >&2; exit 1; }
	$(ONE_THREAD) $(WINDOW) $(BIN)/python -m pytest -m "browser or desktop" -n $(JOBS) --dist loadfile -q $(ARGS)

lint: $(LINT)  ## Check style, format and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy genviz

lab: $(LAB)  ## Open JupyterLab on the notebooks (ARGS="--no-browser --port 8890" for a remote machine).
	$(BIN)/genviz lab $(ARGS)

docs: $(DOCS)  ## Write the documentation to docs/_build/html.
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "genviz needs Python 3.11 or newer; $(PYTHON) is older. Name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making the environment $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1'

# No progress bars in logs; a word instead, because the first time takes minutes (torch alone is large).
$(CORE): | $(BIN)/python
	@echo "Installing genviz into $(VENV), some minutes the first time"
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable .
	@touch $@

$(TEST): | $(CORE)
	@echo "Installing what the tests need"
	$(PIP) --editable '.[spatial,metrics,encoders,notebook]' --group test
	@touch $@

$(VIEWS): | $(CORE)
	@echo "Installing what the live views and their tests need"
	$(PIP) --editable '.[notebook,napari]' --group test
	@touch $@

$(LINT): | $(CORE)
	$(PIP) --group lint
	@touch $@

$(LAB): | $(CORE)
	$(PIP) --editable '.[notebook]'
	@touch $@

# The live views are documented from their classes, which need the notebook's packages.
$(DOCS): | $(CORE)
	$(PIP) --editable '.[notebook]' --group docs
	@touch $@
