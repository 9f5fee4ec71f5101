"""Dagster definitions, jobs and schedules, and the programs `make dev`, `make demo` and `make pictures`.

Start with `definitions.py`.
"""
