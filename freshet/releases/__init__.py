"""The release journal: which bundle serves, since when, and by whose decision.

Start with `journal.py`; `current.py` opens the bundle that serves.
"""
