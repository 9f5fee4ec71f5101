"""How many threads calculate and how they wait for each other. Read when numpy and torch are loaded, so set before."""

import os


def use_passive_waiting() -> None:
    """Wait without burning the core, unless somebody has set it otherwise.

    On a machine that does anything else at the same time, spinning threads hold up the ones they wait for: an epoch
    measured 38 s instead of over 100 s beside other work, and the same when alone.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def use_single_blas_thread() -> None:
    """One thread per matrix product, unless somebody has set it otherwise.

    A gateway answers many small questions: measured 0.7 ms of processor time a question instead of 1.2, two threads
    mostly waiting for each other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
