"""Stored events: an SQLite file, the thread that writes it, and what is flushed from it to the landing.

Start with `event_store.py`, then `writer.py` and `flusher.py`.
"""
