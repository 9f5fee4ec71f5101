"""The `freshet` command: one module per subcommand.

Start with `main.py`.
"""
