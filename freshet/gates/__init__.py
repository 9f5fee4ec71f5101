"""Gates: rules over a profile, checked by Great Expectations.

Start with `suites.py`, which names the rules of every table and artifact; `check_rules.py` checks them.
"""
