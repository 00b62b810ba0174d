# Needs Python 3.11 to 3.13, make and a shell; everything else goes into .venv.
PYTHON_IN = .venv/bin/python
PIP = $(PYTHON_IN) -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: install run test chaos soak bench lint help
install: .venv/installed

help:
	@echo "make install   packages into .venv (the others do it when needed)"
	@echo "make run       everything on this machine until Ctrl-C; ARGS='--no-web'"
	@echo "make test      the whole suite; ARGS='-k paper' goes to pytest"
	@echo "make chaos     faults in a running house, and the ledger unmoved; SEED=1 FAULTS=50 DATA=FILE"
	@echo "make soak      replays at full speed, and every worker's memory; MINUTES=60"
	@echo "make bench     the table of speed beside the peers; QUICK=1 in 3 minutes, ONLY='backtest fills' not everything"
	@echo "make lint      format, style, types, migrations"

run: .venv/installed
	@exec $(PYTHON_IN) manage.py up $(ARGS)

test: .venv/installed-tests
	$(PYTHON_IN) -m pytest $(ARGS)

chaos: .venv/installed-tests
	@exec $(PYTHON_IN) -m tests.chaos --seed $(or $(SEED),1) --faults $(or $(FAULTS),50) $(if $(DATA),--data $(DATA)) $(ARGS)

soak: .venv/installed-tests
	@exec $(PYTHON_IN) -m tests.chaos.soak --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

bench: .venv/installed bench/.venv/installed bench/.venv-vectorbt/installed
	@exec $(PYTHON_IN) -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(ARGS)

lint: .venv/installed-tests
	$(PYTHON_IN) -m ruff check .
	$(PYTHON_IN) -m ruff format --check .
	$(PYTHON_IN) -m mypy .
	$(PYTHON_IN) manage.py makemigrations --check --dry-run

.venv/installed: requirements.txt $(PYTHON_IN)
	@echo "installing requirements.txt into .venv ..."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/installed-tests: tests/requirements.txt .venv/installed
	@echo "installing tests/requirements.txt into .venv ..."
	@$(PIP) -r tests/requirements.txt
	@touch $@

# The peers' own environments; the first time takes some minutes.
bench/.venv/installed: bench/requirements.txt .venv/installed
	@echo "installing the peers into bench/.venv ..."
	@$(PYTHON_IN) -m venv bench/.venv
	@bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

bench/.venv-vectorbt/installed: bench/requirements-vectorbt.txt .venv/installed
	@echo "installing vectorbt into bench/.venv-vectorbt ..."
	@$(PYTHON_IN) -m venv bench/.venv-vectorbt
	@bench/.venv-vectorbt/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements-vectorbt.txt
	@touch $@

$(PYTHON_IN):
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "making .venv with $$python ..."; exec $$python -m venv .venv; \
	  fi; \
	done; \
	echo "Alpha Panda needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3-venv) on the PATH." >&2; exit 1
