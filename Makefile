# The two commands a newcomer types are `make run` and `make test`; `make help` lists the rest.
# PORT and VAR_DIR are taken from the environment; PYTHON names the interpreter to build the environment with.

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := accounts registry monitoring inference solutions mlplatform
TEST_DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/postgres
TEST_REDIS_URL ?= redis://127.0.0.1:6379/15
PYTEST ?= $(BIN)/python -m pytest
# A test process for each core, but no more than Redis has databases for.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal --durations=15
# What the choice of database or cache can't change needn't be run twice; tests/stores.py says which tests these are.
# Reading tests/fuzz takes seconds, and none of it is run again.
RUN_AGAIN := -m "not slow" --stores-only --ignore=tests/fuzz

# Compiled modules are what makes the second start, and every validation, quick.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-hostile test-slow test-release test-faults check-deploy sbom audit fuzz lint format estimators bench-peers bench-growth bench-records screenshots settings-page \
    metrics-page seeds-page check-monitoring allowed-globals constraints clean

help:  ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

$(VENV)/installed: pyproject.toml constraints.txt deploy/venv.sh
	@deploy/venv.sh $(VENV)
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt deploy/venv.sh
	@deploy/venv.sh $(VENV) dev,browser,otp,lightgbm,sentry,parquet,dask
	@touch $(VENV)/installed $@

run: $(VENV)/installed  ## Install what is missing, prepare the demo, serve until Ctrl-C.
	@$(BIN)/python manage.py up

test: $(VENV)/installed-dev  ## Run the tests on SQLite, then on PostgreSQL and Redis where both answer.
	@export KEPT_DIR=$$(mktemp -d); trap 'rm -rf "$$KEPT_DIR"' EXIT; \
	if $(BIN)/python -m deploy.services $(TEST_DATABASE_URL) $(TEST_REDIS_URL); then \
	    $(PYTEST) $(SIDE_BY_SIDE) -m "not slow" && \
	    echo "What another database or cache could change, on PostgreSQL and Redis:" && \
	    DATABASE_URL=$(TEST_DATABASE_URL) REDIS_URL=$(TEST_REDIS_URL) $(PYTEST) $(SIDE_BY_SIDE) $(RUN_AGAIN); \
	else \
	    echo "Without both, the tests run on SQLite only."; \
	    $(PYTEST) $(SIDE_BY_SIDE) -m "not slow"; \
	fi

fuzz: $(VENV)/installed-dev  ## Call the API in every way its schema allows: FUZZ_EXAMPLES per call (100).
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-100} $(PYTEST) tests/fuzz --timeout=3600

test-hostile: $(VENV)/installed-dev  ## Upload every hostile file, each layer off in turn, and MUTANTS (500) damaged copies of good ones.
	MUTANTS=$${MUTANTS:-500} $(PYTEST) tests/hostile --timeout=7200 -s

test-slow: $(VENV)/installed-dev  ## Run the tests that take long.
	$(PYTEST) -m "slow and not faults"

test-faults: $(VENV)/installed-dev  ## Break a running platform in every way we know and rewrite docs/reliability.md (PostgreSQL, Redis, root).
	$(BIN)/python -m tests.faults.report

test-release: $(VENV)/installed-dev  ## Roll a release over two servers behind nginx under load, ROLLS (5) times; the code before on the new schema.
	@command -v nginx >/dev/null || { echo "nginx is missing: apt-get install nginx-light (its service need not run)."; exit 1; }
	ROLLS=$${ROLLS:-5} $(PYTEST) tests/live/test_rolling.py tests/live/test_release_before.py --timeout=3600

$(VENV)/installed-deploy: $(VENV)/installed-dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[deploy]'
	@touch $@

check-deploy: $(VENV)/installed-deploy  ## Check the files for containers by their schemas, and the proxy's by nginx where it is.
	$(PYTEST) tests/deploy tests/live/test_rolling.py tests/live/test_container.py -m "not slow"

sbom: $(VENV)/installed-deploy  ## Write build/sbom.json, the bill of materials of this environment (CycloneDX).
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file build/sbom.json $(BIN)/python

audit: $(VENV)/installed-deploy  ## Ask for advisories on the pinned versions; says so when nobody can be asked (STRICT=1 fails then).
	@$(BIN)/python -m deploy.audit

lint: $(VENV)/installed-dev  ## Check style, types, the import contract, and migrations (missing; unsafe while serving).
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m deploy.lint_migrations $(TEST_DATABASE_URL)

format: $(VENV)/installed-dev  ## Format the code and fix what can be fixed.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

estimators: $(VENV)/installed-dev  ## Rewrite docs/estimators.md: every scikit-learn estimator, uploaded, served, compared.
	$(BIN)/python -m benchmarks.estimators --output docs/estimators.md

bench-peers: $(VENV)/installed-dev  ## Compare with other model servers (needs wrk; installs them below VAR_DIR) and rewrite the page.
	deploy/build.sh build/measured
	$(BIN)/python -m benchmarks.peers --built build/measured --write

bench-growth: $(VENV)/installed-dev  ## Measure growth and interference (needs wrk) and rewrite the page.
	deploy/build.sh build/measured
	$(BIN)/python -m benchmarks.growth --built build/measured --write

bench-records: $(VENV)/installed-dev  ## Measure pages and loading with up to 10 M records in DATABASE_URL, an empty one; rewrite the page.
	$(BIN)/python -m benchmarks.records --beside --write

check-monitoring: $(VENV)/installed-dev  ## Check the files for Prometheus and Grafana with promtool, and scrape with a real Prometheus.
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	    { echo "Prometheus is missing: apt-get install prometheus (its service need not run)."; exit 1; }
	$(PYTEST) tests/live/test_prometheus.py tests/mlplatform/test_deployed_monitoring.py

screenshots: $(VENV)/installed-dev  ## Take the pictures in docs/screenshots/ from a running platform (needs Chromium).
	$(BIN)/python -m docs.screenshots.take --traffic-only
	$(BIN)/python -m docs.screenshots.history
	$(BIN)/python -m docs.screenshots.take

settings-page: $(VENV)/installed  ## Rewrite docs/settings.md and .env.example from the settings the code declares.
	$(BIN)/python manage.py settingsdoc

metrics-page: $(VENV)/installed  ## Rewrite docs/metrics.md from the sheet of metrics.
	@$(BIN)/python manage.py metricsdoc

seeds-page: $(VENV)/installed-dev  ## Rewrite docs/seeds.md from the checklists of the seeds.
	@$(BIN)/python -m tests.solutions.conformance.page

allowed-globals: $(VENV)/installed-dev  ## Rewrite the list of what a pickle may name, to be read as a diff.
	@$(BIN)/python -W ignore -m inference.runtimes.globals_review

constraints:  ## Rewrite constraints.txt with the newest versions that pyproject.toml allows.
	deploy/constraints.sh

clean:  ## Remove the environment and caches; the data below VAR_DIR stays.
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
