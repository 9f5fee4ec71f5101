"""One module or package per Dagster asset, without Dagster: load the inputs, compute, run the gate, store.

Start with the module that is named like the asset; each returns a `StepResult` (`step_result.py`).
"""
