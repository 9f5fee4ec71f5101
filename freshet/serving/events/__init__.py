"""Events that clients post: validated, stored in SQLite, flushed to the landing.

Start with `intake.py`, then `writer.py` and `flusher.py`.
"""
