# Every command a person needs; CI runs the same ones. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
BOARD  ?= zybo_z7_10
ENGINE ?= pixel_serial
NETWORK ?=
NOTEBOOKS ?= my_notebooks
VIVADO ?= vivado

# What git tracks, so that a notebook or a script of one's own beside it is nobody's business.
LINTED := $(or $(shell git ls-files '*.py' '*.ipynb' 2>/dev/null),.)

.PHONY: help demo simulator notebook notebooks workstation test lint resources results ladder clocks frontier registers timelines train study wheel matrix soak docs \
        bitstream clean

help:  ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.demo  ## Classify digits on the simulated board: a table, build/demo/report.json and a picture
	$(PY) -m gateware simulate --json build/demo/report.json --picture build/demo/digits.png

simulator: $(VENV)/.demo  ## Build what the simulated board downloads (bitstreams/simulated)
	$(PY) -m gateware simulate --build-only --engine $(ENGINE) $(if $(NETWORK),--network $(NETWORK))

# JupyterLab saves what is open: copies are opened, and a copy that is there is never written over.
notebook: $(VENV)/.notebook  ## Copies of all notebooks (in NOTEBOOKS=my_notebooks) in JupyterLab, on the simulated board
	@mkdir -p "$(NOTEBOOKS)"
	@for file in driver/notebooks/*.ipynb notebooks/*.ipynb; do \
	    copy="$(NOTEBOOKS)/$${file##*/}"; [ -e "$$copy" ] || cp "$$file" "$$copy" || exit 1; done
	$(PY) -m gateware simulate --build-only
	LST_BOARD=sim PYTHONPATH="$(CURDIR)" $(PY) -m jupyterlab --notebook-dir "$(NOTEBOOKS)" $(if $(filter 0,$(shell id -u)),--allow-root)

notebooks: $(VENV)/.all  ## Run all notebooks on the simulated board and keep what they show: docs/notebooks (minutes)
	$(PY) -m gateware simulate --build-only
	$(PY) -m gateware simulate --build-only --engine resmlp_array
	LST_BOARD=sim $(PY) -m pages.notebooks

workstation: $(VENV)/.all  ## Install what training, study and tests need (torch: docs/training.md)

test: $(VENV)/.all lint  ## Everything that CI runs
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -q

lint: $(VENV)/.all  ## Style, layout and the floors between packages
	$(PY) -m ruff check $(LINTED)
	$(PY) -m ruff format --check --quiet $(LINTED)
	$(dir $(PY))lint-imports --no-logo

resources: $(VENV)/.demo  ## Area and slowest paths for the XC7Z010 by Yosys: build/resources/*.json
	$(PY) -m gateware resources

results: $(VENV)/.all  ## All figures of docs/results.md, measured again (needs MNIST)
	$(PY) -m gateware results

ladder: $(VENV)/.demo  ## Every engine over all of MNIST, and its area: docs/ladder.md (half an hour the first time; needs MNIST)
	$(PY) -m gateware ladder

clocks: $(VENV)/.demo  ## Estimated delays beside those of routed designs: docs/clocks.md (after `ladder`)
	$(PY) -m gateware clocks

frontier: $(VENV)/.all  ## Accuracy over LUT of the row-parallel engine, from the runs in build/train: docs/frontier.md
	@mkdir -p build/frontier
	@for run in build/train/lst1_w*/seed*/checkpoint.pt; do run=$${run%/checkpoint.pt}; seed=$${run##*/}; name=$${run%/*}; \
	    $(PY) -m model quantize $$run/checkpoint.pt --out build/frontier/$${name##*/}-$$seed.npz || exit 1; done
	$(PY) -m gateware frontier build/frontier/*.npz

wheel: $(VENV)/.demo  ## The board's package with notebooks, networks, .hwh and .bit files: dist/lst_overlay-*.whl
	$(PY) -m gateware wheel

matrix: $(VENV)/.all  ## The driver's tests on each Python and pynq of boards, against the wheel: docs/board_package.md (ten minutes)
	$(PY) -m tools.matrix

soak: $(VENV)/.all  ## A million images in random batches with faults in between, 100,000 through RTL, 900,000 to a stand-in that finishes at once: docs/board_package.md (a minute or two)
	OMP_NUM_THREADS=1 $(PY) -m tools.soak

timelines: $(VENV)/.demo  ## What each stage of an engine does when, simulated: docs/images/timeline_*.svg
	$(PY) -m gateware.reports.timeline

registers: $(VENV)/.demo  ## docs/registers.md and build/csr.json from the register table
	$(PY) -m gateware.reports.register_docs

train: $(VENV)/.all  ## The shipped networks again, from nothing: hours (needs MNIST)
	OMP_NUM_THREADS=1 $(PY) -m model accuracy --group students --group others
	OMP_NUM_THREADS=1 $(PY) -m model ship

study: $(VENV)/.all  ## The quantisation study: docs/study.md and its pictures (a few minutes, after `train`; needs MNIST)
	$(PY) -m model study

docs: $(VENV)/.docs  ## These pages as a site: build/site/index.html
	$(PY) -m pages.site
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@echo build/site/index.html

bitstream: $(VENV)/.demo  ## Vivado: .bit, .hwh and manifest.json in bitstreams/BOARD (zybo_z7_10)
	$(PY) -m gateware bitstream --board $(BOARD) --engine $(ENGINE) $(if $(NETWORK),--network $(NETWORK)) --vivado $(VIVADO)

clean:  ## Everything that was built, but not the virtual environment
	rm -rf build bitstreams/*/

# One environment; what simulates needs no torch.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
	    { echo "Python 3.11 or 3.12 is needed, $(PYTHON) is `$(PYTHON) --version 2>&1`: PYTHON= names another"; exit 1; }
	@command -v g++ >/dev/null || { echo "g++ is missing: the simulator needs it (Debian, Ubuntu: apt install g++)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment (Debian, Ubuntu: apt install python3-venv)"; exit 1; }

$(VENV)/.demo: setup.py | $(VENV)/bin/python
	@echo "installing into $(VENV): a few minutes, once" >&2
	@$(PY) -m pip install --quiet --editable '.[gateware]'
	@touch $@

$(VENV)/.notebook: setup.py $(VENV)/.demo
	@echo "installing JupyterLab into $(VENV)" >&2
	@$(PY) -m pip install --quiet --editable '.[gateware,notebook]'
	@touch $@

$(VENV)/.docs: setup.py $(VENV)/.demo
	@$(PY) -m pip install --quiet --editable '.[gateware,docs]'
	@touch $@

$(VENV)/.all: setup.py $(VENV)/.demo
	@echo "installing torch and the test tools into $(VENV): a few minutes, once" >&2
	@$(PY) -m pip install --quiet --editable '.[model,gateware,study,test,docs,notebook]'
	@touch $@
