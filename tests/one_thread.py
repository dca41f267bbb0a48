"""Each process of the tests computes with one thread.

The cores are busy with the other processes. Threads that wait for each other for want of a core spin, and a training of
a moment takes twenty times the processor time.
"""

import os

NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def begin() -> None:
    """For this process and those that it starts, before any of them imports NumPy."""
    for name in NAMES:
        os.environ.setdefault(name, "1")
