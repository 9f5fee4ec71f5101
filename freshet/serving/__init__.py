"""The gateway: one process that stores events, serves recommendations and follows the release journal.

From bottom to top: `schemas` (request and response bodies), `events` (the event store and what lands), `recommend`
(ranking), `releases` (loading bundles), `gateway.py` (all of it put together), `http` (the endpoints), `server.py`.
Start with `gateway.py`.
"""
