"""Training of the sequential transformer, from histories to the best weights.

Start with `trainer.py` (the loop); `params.py` in `freshet.model` holds the hyper-parameters.
"""
