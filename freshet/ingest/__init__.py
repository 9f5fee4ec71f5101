"""From a shop's files to canonical events: deliver, read, map, check the contract, find duplicates.

Start with `read_landing.py` (files to rows), `raw_events.py` (rows to events) and `contract.py` (which events count).
"""
