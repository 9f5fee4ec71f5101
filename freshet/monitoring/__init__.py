"""Drift: current days against a reference, column by column, and the verdict.

Start with `verdict.py`; `psi.py` measures a difference.
"""
