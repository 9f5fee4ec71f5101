"""The assets `bundle` and `edge_bundle`, without Dagster.

Start with `build.py`.
"""
