"""A simulated shop whose shoppers, drifts and landing files are reproducible.

Start with `shop.py`; `params.py` says what can be changed.
"""
