"""Anomalies of a landing day against the shop's own past.

Start with `comparison.py`; `limits.py` holds how far off a day may be.
"""
