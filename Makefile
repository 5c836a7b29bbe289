# `make` lists the targets. Each makes the virtual environment .venv and installs what it needs by itself.

PYTHON_IN_VENV := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
# A file's tests stay together: what a module of them makes, one process makes once.
IN_PARALLEL = --numprocesses=logical --maxprocesses=4 --dist=loadfile

.PHONY: help run test lint format bench lock clean setup-run setup-dev setup-bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# One video at a time, so that there is time to watch.
run: setup-run ## start the service on an embedded SQLite file with sample data (Ctrl+C stops it)
	@mkdir -p .run
	@export HORARIUM_DATABASE_URL="$${HORARIUM_DATABASE_URL:-sqlite:///.run/horarium.db}"; \
	export AUTO_ANALYZE_CONCURRENCY="$${AUTO_ANALYZE_CONCURRENCY:-1}"; \
	export AUTO_ANALYZE_SHEETS_FOLDER="$${AUTO_ANALYZE_SHEETS_FOLDER:-.run/contact-sheets}"; \
	.venv/bin/horarium auto-analyze demo --folder .run/sample-videos && exec .venv/bin/horarium run $(ARGS)

test: setup-dev lint ## lint, then run the tests on SQLite and a temporary PostgreSQL (ARGS="-k retry" chooses)
	$(PYTHON_IN_VENV) -m pytest $(if $(ARGS),$(ARGS),$(IN_PARALLEL))

lint: setup-dev ## check style, formatting, types and the floors
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m mypy
	.venv/bin/lint-imports --no-logo

format: setup-dev ## format the code and mend what ruff can
	$(PYTHON_IN_VENV) -m ruff format .
	$(PYTHON_IN_VENV) -m ruff check --fix .

bench: setup-bench ## run the benchmarks (ARGS="fire --json" chooses)
	$(PYTHON_IN_VENV) -m benchmarks $(ARGS)

lock: setup-dev ## resolve the development locks anew
	scripts/lock

clean: ## remove .venv, caches and build output (.run, the data of `make run`, stays)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-run setup-dev setup-bench:
	@scripts/setup $(@:setup-%=%)
