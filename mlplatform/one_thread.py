"""One thread for the numerical libraries of a process: processes run side by side, those of a server and of tests.

Threads that wait for each other for want of a core spin, and take twenty times the processor time.
"""

import os

_NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def tell_libraries() -> None:
    """For this process and those that it starts; before NumPy is imported, since the libraries listen only then."""
    for name in _NAMES:
        os.environ.setdefault(name, "1")
