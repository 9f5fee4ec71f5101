"""Data files without Spark: their header, records and damage.

Start with `file_checks.py`.
"""
