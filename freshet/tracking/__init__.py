"""Experiment tracking in MLflow: runs, metrics, model versions.

Start with `records.py`, the data that is logged; `mlflow_tracker.py` logs it.
"""
