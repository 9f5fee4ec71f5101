"""Anomaly detection: compare a landing day with the days published before it.

Start with `comparison.py`; `metrics.py` lists the compared metrics, `limits.py` how far a day may deviate.
"""
