"""The source mapping: a YAML file that turns a shop's columns into canonical events.

Start with `source_mapping.py`; `dry_run.py` tries a mapping on files.
"""
