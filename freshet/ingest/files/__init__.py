"""Data files before Spark reads them: format, header, records, damage.

Start with `file_checks.py`.
"""
