"""The table of solutions: dotted paths of their folders. A room is a module of the folder, imported when it is entered.

Rooms that every solution has: `training`, `services`, `serializers`, `views`, `urls`, `page`, and the file `card.md`.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from solutions.errors import NoSuchSolution
from solutions.solution import Solution

SOLUTIONS: dict[str, str] = {
    "notifications": "solutions.notifications",
    "intents": "solutions.intents",
    "anomalies": "solutions.anomalies",
    "propositions": "solutions.propositions",
    "images": "solutions.images",
}


def get(name: str) -> Solution:
    """The facts of a solution. Raises NoSuchSolution."""
    if name not in SOLUTIONS:
        raise NoSuchSolution(f"There is no solution {name!r}; there are: {', '.join(SOLUTIONS) or 'none'}.")
    solution: Solution = import_module(SOLUTIONS[name]).SOLUTION
    return solution


def every() -> list[Solution]:
    """The facts of all solutions, in the order of the table."""
    return [get(name) for name in SOLUTIONS]


def room(name: str, room: str) -> ModuleType:
    """A module of the solution's folder."""
    return import_module(f"{SOLUTIONS[name]}.{room}")


def has_room(name: str, room: str) -> bool:
    """Whether the folder has a module of that name."""
    return find_spec(f"{SOLUTIONS[name]}.{room}") is not None


def folder(name: str) -> Path:
    """Where the solution's files lie."""
    file = import_module(SOLUTIONS[name]).__file__
    assert file is not None
    return Path(file).parent


def owner_of(model: str) -> Solution | None:
    """The solution whose training yields the registered model `model`."""
    return next((solution for solution in every() if model in solution.models), None)
