"""Dagster assets and their checks, grouped as in the UI; each calls a step of `freshet`.

Start with `events.py`; `gates.py` turns gate reports into checks.
"""
