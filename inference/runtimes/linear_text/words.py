"""How a text is split where the expression says "a word is a run of so many word characters", as almost all do."""

import re
from collections.abc import Callable

Split = Callable[[str], list[str]]

RUN = re.compile(r"(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w\+(?:\\b)?")
# Each ASCII character that belongs to no word becomes a space; `\w` takes letters, digits and the underscore.
_APART = bytes(at if chr(at).isalnum() or chr(at) == "_" else 32 for at in range(128)) + bytes(128)


def splitter(pattern: str) -> Split:
    r"""What `re.findall` of `pattern` would find, sooner if it is one like `\b\w\w+\b`, and soonest in ASCII.

    A run is taken whole, so it begins and ends at boundaries without asking for them.
    """
    run = RUN.fullmatch(pattern)
    if run is None:
        return re.compile(pattern).findall
    shortest = len(run[1]) // 2 + 1
    find = re.compile(r"\w" * shortest + r"\w*").findall

    def split(text: str) -> list[str]:
        if not text.isascii():
            return find(text)
        words = text.encode().translate(_APART).decode().split()
        return words if shortest == 1 else [word for word in words if len(word) >= shortest]

    return split
