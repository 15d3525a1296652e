# Two commands: `make demo` (set up, then the main job) and `make test` (set up, then the tests). Beside them `make check`
# (linters and types), `make audit` (bandit and pip-audit) and `make chaos` (what breaks, for SECONDS, and what was lost).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= runs
SITE ?= site
SECONDS ?= 600
KILLS ?= 200
WORKERS ?= 2
newest = $$(ls -td $(RUNS)/$(1)-minitalk-caption-overall-s0-*/ | head -n 1)

.PHONY: demo test check audit chaos clean

demo: $(VENV)/demo.done
	$(BIN)/secbench run --config demo.toml --runs $(RUNS)
	$(BIN)/secbench compare $(call newest,sft) $(call newest,mecap_r1)
	$(BIN)/secbench leaderboard --runs $(RUNS) -o $(SITE)

test: $(VENV)/test.done
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

check: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(VENV)/test.done
	$(BIN)/python -m tools.audits

chaos: $(VENV)/test.done
	$(BIN)/python -m chaos --seconds $(SECONDS) --kills $(KILLS)

clean:
	rm -rf $(VENV) $(RUNS) $(SITE)

$(VENV)/demo.done: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[charts]'
	@touch $@

$(VENV)/test.done: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "secbench needs Python 3.11 or newer, and $(PYTHON) is %d.%d: say make PYTHON=python3.11" % v[:2])'
	$(PYTHON) -m venv $(VENV)
