"""Writes down every global that the rules of `globals_allowed` admit with the libraries installed here.

The list is kept beside the rules (`globals_admitted.txt`), so that a new version of a library shows as a diff that
somebody reads: `make allowed-globals` writes it anew, and a test compares.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from inference.errors import ValidationFailed
from inference.runtimes import globals_allowed

LIST = Path(__file__).with_name("globals_admitted.txt")


def render() -> str:
    """The list: one `module name` a line, after the version of scikit-learn that it was made with."""
    return f"# scikit-learn {version('scikit-learn')}\n" + "\n".join(sorted(_admitted())) + "\n"


def _admitted() -> Iterator[str]:
    for module, names in globals_allowed.CONSTRUCTORS.items():
        yield from (f"{module} {name}" for name in names)
    yield from (f"{module} {name}" for module, name in globals_allowed.BOOSTER_CLASSES)
    for module in (*_modules("sklearn"), *globals_allowed.SCORE_MODULES):
        yield from (f"{module} {name}" for name in vars(import_module(module)) if _is_admitted(module, name))


def _modules(package: str) -> Iterator[str]:
    """Every module of scikit-learn that holds estimators or parts of them."""
    for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        parts = found.name.split(".")
        holds = parts[1] in globals_allowed.ESTIMATOR_PACKAGES or found.name.startswith(globals_allowed.PART_MODULES)
        if holds and "tests" not in parts:
            yield found.name


def _is_admitted(module: str, name: str) -> bool:
    """Whether a file may name it here, where it is defined: files name nothing by another module."""
    try:
        found = globals_allowed.resolve(module, name)
    except ValidationFailed:
        return False
    return getattr(found, "__module__", module) == module


if __name__ == "__main__":
    LIST.write_text(render(), encoding="utf-8")
