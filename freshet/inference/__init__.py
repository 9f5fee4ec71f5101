"""Inference from a bundle: loading, ranking, explanations, precomputed lists.

Start with `bundle.py` and `ranker.py`.
"""
