"""Feature tables of a landing day, and the vocabulary and training set made from them.

Start with `daily_run.py`, which runs the tables in order; `daily.py` computes them.
"""
