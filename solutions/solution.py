"""What a solution says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Solution:
    """The facts that stand in the `__init__` of a solution's folder.

    name: the folder's, and the word after `manage.py train`. models: the registered models that its training yields.
    extras: optional dependencies that the training needs (serving never does).
    """

    name: str
    title: str
    summary: str
    models: tuple[str, ...]
    seed: int = 20
    extras: tuple[str, ...] = ()
