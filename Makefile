# Two commands do everything on a new machine: `make demo`, `make test`. Both run set-up first, which ends at once if nothing changed.
BIN := $(CURDIR)/.venv/bin
export DAGSTER_HOME ?= $(CURDIR)/.freshet/dagster
# The demo's lake, gateway state and DAGSTER_HOME, all in demo/. Its shop is four weeks old.
DEMO_ENV = FRESHET_LAKE=$(CURDIR)/demo/lake FRESHET_GATEWAY_STATE_DIR=$(CURDIR)/demo/state DAGSTER_HOME=$(CURDIR)/demo/dagster \
	FRESHET_MAPPING=$(CURDIR)/examples/simulated_shop.yaml
NEW_DEMO_ENV = $(DEMO_ENV) FRESHET_FIRST_DAY=$$(date -u -d '28 days ago' +%F) FRESHET_FLUSH_INTERVAL_S=3600 \
	FRESHET_LANDING_QUIET_PERIOD_S=0
# Live shoppers generate more events per day than the simulated days, so days are not compared with each other.
FAST_ENV = FRESHET_FLUSH_INTERVAL_S=30 FRESHET_DAY_RERUN_COOLDOWN_S=90 FRESHET_ANOMALY_WINDOW_DAYS=0
KEPT_ENV = $(DEMO_ENV) FRESHET_FIRST_DAY=$$(cat demo/demo-of-freshet)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev pictures test drills lint docs clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

setup: ## install Python, packages, Java and jars; prints first what it downloads
	@deploy/setup.sh

demo: setup ## the whole loop on a simulated shop (about two minutes; KEEP=1 leaves the gateway running)
	@$(NEW_DEMO_ENV) $(BIN)/python -m pipelines.demo $(if $(KEEP),--keep)

# Your shop if FRESHET_LAKE or .env is set; else the demo's shop, or a new simulated one with sixty days of history.
dev: setup ## Dagster's UI and daemon, and the gateway; on a simulated shop unless yours is set (Ctrl-C stops all)
ifneq ($(wildcard .env)$(FRESHET_LAKE),)
	@$(BIN)/python -m pipelines.dev
else
	@mkdir -p demo/dagster demo/lake
	@[ -e demo/demo-of-freshet ] || date -u -d '60 days ago' +%F >demo/demo-of-freshet
	@[ -e demo/dagster/dagster.yaml ] || cp deploy/dagster.yaml demo/dagster
	@$(KEPT_ENV) $(FAST_ENV) $(BIN)/python -m pipelines.dev --simulated
endif

pictures: setup ## the pictures of the README, from a demo (needs Chromium)
	@$(NEW_DEMO_ENV) $(BIN)/python -m pipelines.demo --picture docs/pictures/demo.svg
	@$(KEPT_ENV) $(BIN)/python -m pipelines.pictures docs/pictures/asset_graph.png --plots

PYTEST = $(BIN)/pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=15

test: setup ## run the tests, two files at a time; lists the slowest
	@$(PYTEST) -m "not drill"

drills: setup ## run the long tests: end to end, the loop of make dev, studies, every benchmark
	@$(PYTEST) -m drill

lint: setup ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: setup ## the tables of docs/gates.md, written from the rules
	@$(BIN)/python -m tests.docs.gate_tables

clean: ## remove generated files, except lakes
	rm -rf .venv .freshet .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -not -path './lake/*' -prune -exec rm -rf {} +
