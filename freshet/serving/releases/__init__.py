"""Follow the release journal: check a bundle, load it, swap it in.

Start with `watcher.py`, then `activation.py`.
"""
