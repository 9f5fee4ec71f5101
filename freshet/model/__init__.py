"""The model: a causal transformer over a shopper's events, its parts, and its export to ONNX.

Start with `transformer.py`; `params.py` holds every hyper-parameter.
"""
