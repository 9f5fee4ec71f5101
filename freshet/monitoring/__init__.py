"""Drift detection: compare current days with reference days, column by column, and decide.

Start with `verdict.py`; a new drift signal is a column in `binning.py` or a field of `DriftMeasurements`.
"""
