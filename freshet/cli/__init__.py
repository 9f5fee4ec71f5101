"""The `freshet` command: one module per noun.

Start with `main.py`.
"""
