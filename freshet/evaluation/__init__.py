"""Offline evaluation: metrics, baselines, paired differences over shoppers, guards, verdict.

Start with `comparison.py` (scores) and `verdict.py` (the decision).
"""
