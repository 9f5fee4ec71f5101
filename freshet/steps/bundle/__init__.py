"""The assets `bundle` and `edge_bundle`: export, parity, sealing, and compression for the edge.

Start with `build.py`.
"""
