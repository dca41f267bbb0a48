"""Compiles what every quick prediction runs through, beside its sources, in a copy of the platform that nobody edits.

    PYTHON deploy/compile.py DIRECTORY

PYTHON is one of the version that will serve, with mypy and setuptools; a C compiler is needed, too. From then on Python
imports the compiled modules where there are such, and the sources everywhere else (docs/adr/0037).
"""

import os
import sys

from mypyc.build import mypycify
from setuptools import setup

# What runs once in a request. What goes over rows or columns in Python stays as it is: compiled code lets no other
# thread in before it ends, and quick predictions would wait for the largest batch.
MODULES = (
    "accounts/credential_cache.py",
    "accounts/credentials.py",
    "accounts/json_text.py",
    "accounts/limiting/limiter.py",
    "accounts/limiting/portions.py",
    "accounts/limits.py",
    "inference/execution/deadlines.py",
    "inference/execution/run.py",
    "inference/handlers/answers.py",
    "inference/handlers/tabular.py",
    "inference/handlers/text.py",
    "inference/lane.py",
    "inference/measures.py",
    "inference/model_cache.py",
    "inference/predictor.py",
    "inference/questions.py",
    "inference/records.py",
    "inference/runtimes/linear_text/model.py",
    "inference/runtimes/linear_text/single.py",
    "inference/runtimes/onnx.py",
    "mlplatform/fast_lane.py",
    "mlplatform/server/connection.py",
    "mlplatform/server/exchange.py",
    "mlplatform/server/heads.py",
    "monitoring/spool/writer.py",
    "registry/resolver.py",
)
# The types of what isn't compiled are not looked at: compiled code would hold everybody to them.
OPTIONS = ("--config-file=", "--follow-imports=skip", "--ignore-missing-imports", "--no-site-packages")


def main(directory: str) -> None:
    """Leave the compiled modules in `directory`; what they were made from stays in its folder `build`."""
    os.chdir(directory)
    modules = mypycify([*OPTIONS, *MODULES], opt_level="2", group_name="inference.compiled")
    setup(ext_modules=modules, script_args=["--quiet", "build_ext", "--inplace"])


if __name__ == "__main__":
    main(sys.argv[1])
