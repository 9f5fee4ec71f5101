"""The asset `release`, and releases by a person, without Dagster.

Start with `release.py`.
"""
