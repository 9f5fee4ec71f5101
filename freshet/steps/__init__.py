"""One module or package per Dagster asset, without Dagster: load, compute, judge, store.

Start with the module named like the asset; `step_result.py` is what each returns.
"""
