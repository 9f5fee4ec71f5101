"""Feature tables of a landing day, and the vocabulary and training set made from them.

Start with `daily_tables.py`, which publishes the tables of a run; `daily.py` computes their rows.
"""
