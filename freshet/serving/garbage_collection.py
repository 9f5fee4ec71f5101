"""Python's garbage collection, kept from stopping the gateway.

A full collection looks at every container there is, with the interpreter's lock held: 80,000 objects of libraries and
of a release, 40 ms of processor time, every few seconds under load, in which nothing is answered. What is there once
a release serves stays until the next; `gc.freeze` takes it out of every later collection.
"""

import gc
from typing import Final

GC_GEN0_THRESHOLD: Final = (
    5_000  # new containers before the youngest are looked at (Python: 700): some 20 requests' worth
)


def freeze_heap() -> None:
    """What lives now is looked at once more, then never again: called when a release has been swapped in.

    Garbage in circles of what is settled is kept until the process ends. A release is none: it goes with its last
    reference.
    """
    gc.set_threshold(GC_GEN0_THRESHOLD, *gc.get_threshold()[1:])
    gc.collect()
    gc.freeze()
