"""What happens to a string before the model sees it: the steps a signature's column names, in order.

They stand here, in Python, because a compiled model cannot do them as Python does.
"""

import re
import unicodedata
from collections.abc import Callable

SPACES = re.compile(r"\s\s+")


def without_accents(text: str) -> str:
    """Compatibility forms spelled out, combining marks dropped."""
    if text.isascii():
        return text
    spelled = unicodedata.normalize("NFKD", text)
    return "".join(c for c in spelled if not unicodedata.combining(c))


def ascii_only(text: str) -> str:
    """Compatibility forms spelled out, whatever is not ASCII dropped."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def single_spaces(text: str) -> str:
    """Runs of two or more spaces become one blank."""
    return SPACES.sub(" ", text)


STEPS: dict[str, Callable[[str], str]] = {
    "lowercase": str.lower,
    "without_accents": without_accents,
    "ascii_only": ascii_only,
    "single_spaces": single_spaces,
}


def fold(texts: list[str], steps: tuple[str, ...]) -> list[str]:
    """Each text through each step. Raises KeyError for a step this release does not know."""
    for name in steps:
        texts = list(map(STEPS[name], texts))
    return texts
