"""How torch's threads wait for each other: asleep, not spinning. Read by OpenMP when torch is loaded, so set before."""

import os


def patient() -> None:
    """Wait without burning the core, unless somebody has set it otherwise.

    On a machine that does anything else at the same time, spinning threads hold up the ones they wait for: an epoch
    measured 38 s instead of over 100 s beside other work, and the same when alone.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
