"""One thread per inference: the processes of a server are what runs side by side."""

import os


def per_inference() -> None:
    """Tell the numerical libraries; they listen when they are imported, so this comes before."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
