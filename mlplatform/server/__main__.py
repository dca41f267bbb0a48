"""`python -m mlplatform.server --host HOST --port PORT --workers N --threads N`."""

import argparse
import gc
import os
import sys
from importlib import import_module

# One thread per inference: the processes are what runs side by side. Set before numpy is imported anywhere.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    # Once, for all workers to share: modules and settings, no connection, no session, and no thread, which a fork would
    # lose. That is why onnxruntime, whose import starts one, is left to the workers.
    import_module("mlplatform.wsgi")
    from mlplatform.server.master import Master

    gc.collect()
    gc.freeze()
    try:
        master = Master(host=given.host, port=given.port, workers=given.workers, threads=given.threads)
    except OSError as error:
        sys.exit(f"{given.host}:{given.port} can't be had: {error.strerror}.")
    master.run()


if __name__ == "__main__":
    main()
