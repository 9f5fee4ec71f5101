"""The source mapping: a YAML file that maps a shop's columns to canonical events, and its checks.

Start with `source_mapping.py`; `sql_expressions.py` checks its Spark SQL.
"""
