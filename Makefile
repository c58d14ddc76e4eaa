# `make` prints the targets. They need GNU make, a POSIX shell and Python 3.11 or newer.
# Everything is installed into .venv, and from there alone it is run.

PYTHON ?= python3
PIPFLAGS ?= --quiet
PORT ?= 8000

BIN = .venv/bin
BOOK = $(BIN)/.book-is-set-up
DEV = $(BIN)/.tests-are-set-up
INSTRUCTOR = $(BIN)/.grading-is-set-up
SITE = $(BIN)/.site-is-set-up
NODE = tests/website/node_modules/.is-set-up
LIVE = .venv/share/pyodide/pyodide-lock.json
CLEAR = rm -rf _build/html _build/.doctrees
BUILD = $(BIN)/jupyter-book build . -n -W --keep-going -q
INDEX = _build/html/index.html
SOURCES = _config.yml _toc.yml book mmnist_lib notebooks teaching/masters website
# The book as it is published: with downloads.
PUBLISH = rm -rf _build/downloads && $(BIN)/python -m website.downloads && $(CLEAR) && \
	PUBLISH=yes $(BUILD)

# What may be set outside and would reach into .venv. MPLBACKEND is in the list because a
# notebook's kernel keeps its inline backend only where nobody has chosen another.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT MPLBACKEND

VARIANT = $(if $(SEED),--seed $(SEED))
NEED_COURSE = test -n "$(COURSE)" || \
	{ echo 'Name the course folder, for example: make $@ COURSE=../course' >&2; exit 2; }
IN_COURSE = $(NEED_COURSE); test -f "$(COURSE)/$1" || \
	{ echo 'COURSE=$(COURSE) has no $1: make or renew the course with make release' >&2; exit 2; }; \
	$(BIN)/python "$(COURSE)/$1" "$(COURSE)"

PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder -n
CORE = loading visualization trajectories bouncing compositing
OLDEST = import tomllib; print(*(name.replace(">=", "==") for name in \
	tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))

.NOTPARALLEL:
.PHONY: help book live site check test screenshots minimum serve lab outputs assignments release \
	collect grade export slides bench constraints \
	clean distclean

help: ## print this list
	@echo 'Moving MNIST, the course'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

book: $(BOOK) ## build the site, warnings as errors (EDITION=class: without solutions)
	@echo 'Building the site.'
	@$(CLEAR) && $(BUILD)
	@echo 'The book is ready. Open _build/html/index.html in a browser.'

live: $(LIVE) ## fetch what lets the cells of a page run in the page (77 MB), for the next make book

site: $(SITE) $(LIVE) ## build the site as it is published: with PDF, zip, and cells that run in the page
	@echo 'Building the site to publish.'
	@$(PUBLISH)
	@echo 'It is in _build/html. To look at it: $(BIN)/python -m http.server --directory _build/html'

check: $(DEV) ## format, lint, types and the core's tests, for the minute between two edits
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	@$(BIN)/mypy & $(PYTEST) 2 -q $(CORE:%=mmnist_lib/%.py) \
	    $(patsubst %,tests/library/test_%.py,$(CORE) seeds strips size package) && wait $$!

test: $(DEV) $(NODE) $(LIVE) ## format, lint, types, the site, and every test and notebook
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	@mkdir -p _build
	@echo 'The types are checked, the site is built and tested, and all else is tested beside it.'
	@{ $(BIN)/mypy && (export EDITION=study && $(PUBLISH)) && $(PYTEST) 3 tests/website; } \
	    >_build/site.log 2>&1 & trap "pkill -P $$!; kill $$!" INT TERM; \
	    $(PYTEST) 3 --ignore=tests/website; tests=$$?; \
	    echo 'What the site says follows when its tests end.'; \
	    wait $$!; site=$$?; cat _build/site.log; exit $$((tests | site))

screenshots: $(DEV) $(NODE) ## pictures of every page in _build/screenshots, wide and narrow, light and dark
	@test -f $(INDEX) && test -z "$$(find $(SOURCES) -newer $(INDEX) -type f \
	    ! -path '*/__pycache__/*' ! -name clip.gif)" || $(MAKE) --no-print-directory book
	SCREENSHOTS=yes $(BIN)/python -m pytest -n 2 -q -k is_sound tests/website/test_every_page.py

minimum: ## test the core with the oldest versions that pyproject.toml allows (PYTHON=python3.11)
	rm -rf _build/minimum && $(PYTHON) -m venv _build/minimum
	PIP_USER=0 _build/minimum/bin/python -m pip install $(PIPFLAGS) --disable-pip-version-check \
	    $$($(PYTHON) -c '$(OLDEST)') pytest hypothesis
	_build/minimum/bin/python -m pytest -o addopts=--doctest-modules \
	    $(patsubst %,tests/library/test_%.py,$(CORE) seeds strips files)

serve: book ## build the site and serve it on this machine (PORT=8000)
	@echo 'Open http://127.0.0.1:$(PORT)/ and stop with Ctrl-C.'
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: $(BOOK) ## open the chapters in JupyterLab (LABFLAGS=--no-browser)
	$(BIN)/jupyter-lab --LabApp.default_url=/lab/tree/book $(LABFLAGS)

outputs: $(BOOK) ## run the notebooks again and store their outputs (CHAPTERS=03-trajectories)
	$(BIN)/python -m notebooks.outputs $(CHAPTERS)

assignments: $(INSTRUCTOR) ## make the student editions in book/exercises (CHAPTERS=03-trajectories SEED=2027)
	$(BIN)/python -m teaching.editions editions $(VARIANT) $(if $(CHAPTERS),--only $(CHAPTERS))

release: $(INSTRUCTOR) ## make a course folder for nbgrader (COURSE=../course SEED=2027)
	@$(NEED_COURSE)
	$(BIN)/python -m teaching.editions release "$(COURSE)" $(VARIANT)

collect: $(INSTRUCTOR) ## unpack a download of Moodle or Canvas (COURSE=../course ZIP=hand-ins.zip ROSTER=list.csv DEADLINE=2026-10-05)
	@test -f "$(ZIP)" || { echo 'ZIP=$(ZIP) is no file: name what your platform downloads' >&2; exit 2; }
	@$(call IN_COURSE,collecting.py) "$(ZIP)" $(if $(ROSTER),--roster "$(ROSTER)") \
	    $(if $(DEADLINE),--deadline "$(DEADLINE)") $(if $(ASSIGNMENT),--assignment $(ASSIGNMENT))

grade: $(INSTRUCTOR) ## grade what is in the folder submitted/ of a course (COURSE=../course)
	@$(call IN_COURSE,grading.py)

export: $(INSTRUCTOR) ## write the marks as a platform imports them (COURSE=../course FORMAT=moodle, canvas or csv)
	@$(call IN_COURSE,exporting.py) $(or $(FORMAT),csv)

slides: $(INSTRUCTOR) ## make a deck of slides of each chapter, in _build/slides
	$(BIN)/python -m teaching.slides

bench: $(DEV) ## measure the speed of the generator, and store it in benchmarks/ (SOURCE=mnist.npz)
	$(BIN)/python -m benchmarks.speed --source $(or $(SOURCE),sample)

constraints: ## renew constraints.txt in a throw-away environment (PYTHON=python3.11)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo 'It is made with the oldest Python that is tested: make constraints PYTHON=python3.11' >&2; exit 1; }
	d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && cp constraints.txt "$$d/old" && $(PYTHON) -m venv "$$d" && \
	    grep '^#' "$$d/old" > constraints.txt && \
	    PIP_USER=0 "$$d/bin/python" -m pip install $(PIPFLAGS) -r requirements-dev.txt && \
	    "$$d/bin/python" -m pip freeze --exclude-editable >> constraints.txt || \
	    { cp "$$d/old" constraints.txt; exit 1; }

clean: ## remove the site and the caches, keep .venv
	rm -rf _build book/clip.gif .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints -o -name .ruff_cache \) \
	    -type d -prune -exec rm -rf {} +
	@$(if $(filter distclean,$(MAKECMDGOALS)),,echo '.venv is kept. To remove it too: make distclean')

distclean: clean ## make clean, and remove .venv
	rm -rf .venv mmnist_lib.egg-info

# ---- set-up: each stamp is written last, so a set-up that broke off is done again ----

define NEED
The course needs Python 3.11 or newer, with venv and pip.
  Debian, Ubuntu  sudo apt install python3 python3-venv
                  (where that Python is too old: python3.11 python3.11-venv)
  macOS           brew install python, or the installer from https://www.python.org/downloads/
  Windows         the installer from https://www.python.org/downloads/ ;
                  CONTRIBUTING.md says how to go on without make
A newer Python under another name is chosen so: make book PYTHON=python3.12
endef
export NEED

NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
STOP = { printf '\n%s\n%s\n' "$$why" "$$NEED" >&2; exit 1; }
PIP_INSTALL = PIP_USER=0 $(BIN)/python -m pip install $(PIPFLAGS) --disable-pip-version-check -r
PIP_STOP = { printf '\n%s\n' "pip could not install what $< lists. Its own message is above. \
	Often the network is the cause. The same command tries again." >&2; exit 1; }

$(BOOK): requirements.txt constraints.txt pyproject.toml
	@new=; if ! { $(BIN)/python $(NEW_ENOUGH) && $(BIN)/python -m pip --version; } >/dev/null 2>&1; then \
	    why='"$(PYTHON)" does not run here.'; \
	    $(PYTHON) -c '' >/dev/null 2>&1 || $(STOP); \
	    why="\"$(PYTHON)\" is $$($(PYTHON) --version 2>&1), which is too old."; \
	    $(PYTHON) $(NEW_ENOUGH) || $(STOP); \
	    why='"$(PYTHON)" has no venv or no ensurepip module.'; \
	    $(PYTHON) -c 'import ensurepip, venv' >/dev/null 2>&1 || $(STOP); \
	    why='"$(PYTHON)" could not make .venv. Its own message is above.'; \
	    $(PYTHON) -m venv --clear .venv || { rm -rf .venv; $(STOP); }; new=yes; \
	fi; \
	echo 'Installing into .venv. This is done once, and takes a minute or more (about 1.2 GB).'; \
	$(PIP_INSTALL) $< || { test -z "$$new" || rm -rf .venv; $(PIP_STOP); }
	@touch $@

$(INSTRUCTOR): requirements-instructor.txt $(BOOK)
	@$(PIP_INSTALL) $< || $(PIP_STOP)
	@touch $@

$(SITE): requirements-site.txt $(BOOK)
	@$(PIP_INSTALL) $< || $(PIP_STOP)
	@touch $@

# Written last, as a sign that all files are there.
$(LIVE): website/pyodide-lock.json | $(BOOK)
	@echo 'Fetching Python for the pages (77 MB). This is done once.'
	@$(BIN)/python -m website.live
	@touch $@

# It asks for what the two above ask for too.
$(DEV): requirements-dev.txt requirements-instructor.txt requirements-site.txt $(BOOK)
	@$(PIP_INSTALL) $< || $(PIP_STOP)
	@touch $(INSTRUCTOR) $(SITE) $@

# Where there is no Node, the tests that need it are skipped, and say so.
$(NODE): tests/website/package-lock.json
	@if command -v npm >/dev/null; then \
	    (cd tests/website && npm ci --silent --no-fund --no-audit) && touch $@; \
	fi
