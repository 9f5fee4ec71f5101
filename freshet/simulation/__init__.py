"""A simulated shop: catalogue, shoppers, events, drifts and landing files, reproducible from a seed.

Start with `shop.py`; `params.py` holds the parameters.
"""
