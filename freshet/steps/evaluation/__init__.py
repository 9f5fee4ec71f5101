"""The asset `evaluation`: challenger, champion and baselines on the same cases, and the verdict.

Start with `evaluate.py`.
"""
