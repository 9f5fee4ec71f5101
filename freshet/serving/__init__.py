"""The gateway: one process that takes events, answers requests and follows the release journal.

Start with `gateway.py`, which puts its parts together.
"""
