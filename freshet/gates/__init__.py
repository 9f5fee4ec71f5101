"""Gates: rules over a stage's profile, checked by Great Expectations.

Start with `suites.py` (all rules); `judging.py` checks them.
"""
