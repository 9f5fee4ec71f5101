"""Iceberg tables through Spark and pyiceberg: schemas, sessions, reads, writes, day records.

Start with `schemas.py`, then `iceberg.py` (Spark) or `reader.py` (without a JVM).
"""
