"""Hyper-parameter tuning with Optuna.

Start with `search.py`; `space.py` lists what may be tuned.
"""
