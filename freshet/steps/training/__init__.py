"""The assets `trained_model` and `tuning`, without Dagster.

Start with `train.py`; `tune.py` runs a hyper-parameter search.
"""
