"""Experiment tracking in MLflow: runs, metrics, model versions.

Start with `records.py` (what is logged); `mlflow_tracker.py` logs it.
"""
