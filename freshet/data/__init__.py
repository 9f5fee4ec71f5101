"""Arrays that training, evaluation and serving share: histories, vocabulary, item attributes, item-kNN, rules.

Start with `history.py`, which builds every model input.
"""
