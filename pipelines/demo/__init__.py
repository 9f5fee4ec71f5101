"""`make demo`: the whole loop on a simulated shop, on the terminal.

Start with `script.py`.
"""
