"""Verification of an exported bundle: parity with the trained model, batch invariance, latency.

Start with `parity.py`; `steps/bundle/build.py` runs them all.
"""
