"""Request and response bodies of the gateway's endpoints, with their validation.

Start with `event_schema.py` and `recommendation_schema.py`.
"""
