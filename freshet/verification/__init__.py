"""Checks that an exported bundle answers as the trained model does, and how fast.

Start with `parity.py`; `steps/bundle/build.py` runs them all.
"""
