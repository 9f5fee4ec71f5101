# Two commands do everything on a fresh machine: `make demo`, `make test`. Both set up first, which costs nothing when done.
BIN := $(CURDIR)/.venv/bin
export DAGSTER_HOME ?= $(CURDIR)/.freshet/dagster
# The demo's own lake, gateway state and Dagster, all in demo/. Its shop is four weeks old today.
DEMO_OF = FRESHET_LAKE=$(CURDIR)/demo/lake FRESHET_GATEWAY_STATE_DIR=$(CURDIR)/demo/state DAGSTER_HOME=$(CURDIR)/demo/dagster \
	FRESHET_MAPPING=$(CURDIR)/examples/simulated_shop.yaml
DEMO = $(DEMO_OF) FRESHET_FIRST_DAY=$$(date -u -d '28 days ago' +%F) FRESHET_FLUSH_INTERVAL_S=3600 \
	FRESHET_LANDING_QUIET_PERIOD_S=0
# Today's shoppers come at another pace than those of the simulated days, and only look until a list is served: their day is
# compared with none before it.
AT_SPEED = FRESHET_FLUSH_INTERVAL_S=30 FRESHET_DAY_RERUN_COOLDOWN_S=90 FRESHET_ANOMALY_WINDOW_DAYS=0
KEPT = $(DEMO_OF) FRESHET_FIRST_DAY=$$(cat demo/demo-of-freshet)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev pictures test drills lint docs clean

help: ## what can be typed here
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

setup: ## Python, packages, Java and jars, once; says first what it downloads
	@deploy/setup.sh

demo: setup ## a simulated shop: served, drifted, retrained, rolled back (about two minutes; KEEP=1 stays up)
	@$(DEMO) $(BIN)/python -m pipelines.demo $(if $(KEEP),--keep)

# Your own shop where one is set; else the demo's, or a simulated one that begins sixty days ago and lives at speed:
# in an hour it posts more events than its files have in a day, so its days are not compared with each other.
dev: setup ## Dagster's UI and daemon, and the gateway; on a simulated shop unless yours is set (Ctrl-C ends it)
ifneq ($(wildcard .env)$(FRESHET_LAKE),)
	@$(BIN)/python -m pipelines.dev
else
	@mkdir -p demo/dagster demo/lake
	@[ -e demo/demo-of-freshet ] || date -u -d '60 days ago' +%F >demo/demo-of-freshet
	@[ -e demo/dagster/dagster.yaml ] || cp deploy/dagster.yaml demo/dagster
	@$(KEPT) $(AT_SPEED) $(BIN)/python -m pipelines.dev --simulated
endif

pictures: setup ## the pictures of the README, taken from a demo (needs Chromium)
	@$(DEMO) $(BIN)/python -m pipelines.demo --picture docs/pictures/demo.svg
	@$(KEPT) $(BIN)/python -m pipelines.pictures docs/pictures/asset_graph.png

PYTEST = $(BIN)/pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=15

test: setup ## the tests, two files at a time; the slowest are listed at the end
	@$(PYTEST) -m "not drill"

drills: setup ## the long tests: from files to a release, a loop left alone, studies, every benchmark
	@$(PYTEST) -m drill

lint: setup ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: setup ## the tables of docs/gates.md, written from the rules
	@$(BIN)/python -m tests.docs.gate_tables

clean: ## remove what was made here, except lakes
	rm -rf .venv .freshet .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -not -path './lake/*' -prune -exec rm -rf {} +
