"""From a shop's files to canonical events: landing, mapping, contract, quarantine.

Start with `landing.py` (where files lie) and `read_landing.py` (how they are read).
"""
