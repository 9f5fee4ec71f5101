"""What a bundle answers: loading, ranking, explanations, precomputed lists.

Start with `bundle.py` and `ranker.py`.
"""
