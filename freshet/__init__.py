"""Freshet keeps an e-commerce recommender fresh from the events in a data lake. The library, without Dagster.

Start with docs/architecture.md: the packages, and the path of a row, an event and a model through them.
"""
