"""The gateway's HTTP interface: the application, its endpoints and their handlers, OpenAPI, and the HTTP/1.1 protocol.

Start with `routes.py`.
"""
