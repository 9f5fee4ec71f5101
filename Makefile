# Two commands do everything on a fresh machine: `make demo`, `make test`. Both set up first, which costs nothing when done.
BIN := $(CURDIR)/.venv/bin
export DAGSTER_HOME ?= $(CURDIR)/.freshet/dagster
DEMO := FRESHET_LAKE=$(CURDIR)/demo FRESHET_MAPPING=$(CURDIR)/examples/simulated_shop.yaml FRESHET_FIRST_DAY=2026-01-05
# `make dev` shows your own shop where one is set, else the demo's.
SHOP := $(if $(wildcard .env)$(FRESHET_LAKE),,$(if $(wildcard demo),$(DEMO)))

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test lint clean

help: ## what can be typed here
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

setup: ## Python, packages, Java and jars, once; says first what it downloads
	@deploy/setup.sh

demo: setup ## a small simulated shop, from landed files to a recommendation (a minute)
	@$(DEMO) $(BIN)/python -m pipelines.demo

dev: setup ## the Dagster UI on this machine
	@$(SHOP) $(BIN)/dagster dev -w workspace.yaml

test: setup ## every test; the slowest are listed at the end
	@$(BIN)/pytest --durations=15

lint: setup ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

clean: ## remove what was made here, except lakes
	rm -rf .venv .freshet .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -not -path './lake/*' -prune -exec rm -rf {} +
