"""Write, audit, publish: a staged table is profiled, judged by its gate and published by day.

Start with `publish.py`; `profiles.py` computes what a gate judges.
"""
