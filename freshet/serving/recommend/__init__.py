"""Ranking for requests: the loaded release, batches of requests, fallback tiers and filters.

Start with `worker.py`, then `ranking.py` and `fallback.py`.
"""
