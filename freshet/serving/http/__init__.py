"""The gateway's HTTP interface: protocol, endpoints, request and response schemas, errors.

Start with `routes.py`.
"""
