"""Answers of the gateway: requests in micro-batches, ranked with fallbacks.

Start with `handler.py`, then `worker.py` and `fallback.py`.
"""
