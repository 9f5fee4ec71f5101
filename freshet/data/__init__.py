"""Arrays that training, evaluation and serving share: histories, vocabulary, items, counted tables.

Start with `history.py`, which builds every model input.
"""
