"""Write, audit, publish: stage a table, profile it, check the profile in its gate and publish the days that pass.

Start with `publish.py`; `profiles.py` computes the profiles.
"""
