"""How word counting is translated: what the handler does to the text, how the compiled model cuts it."""

import re
from typing import Any

from inference.validation import structure

# Python's \w is exactly the letters, the numbers and the underscore.
WORD = r"[\p{L}\p{N}_]"
EACH_CHARACTER = r"(?s:.)"
WORD_PATTERN = re.compile(r"^(?:\(\?u\))?(?:\\b)?(?P<first>(?:\\w)*)\\w(?:\+|\{(?P<least>\d),\})(?:\\b)?$")
ACCENTS = {"unicode": "without_accents", "ascii": "ascii_only"}


def tokens(part: Any) -> str | None:
    """The expression with which the compiled model cuts text as this vectoriser does; None: the compiler's own."""
    if part.analyzer == "char":
        return EACH_CHARACTER
    if part.analyzer != "word" or part.tokenizer is not None:
        return None
    found = WORD_PATTERN.match(part.token_pattern)
    if found is None:
        return None
    least = len(found["first"]) // 2 + int(found["least"] or 1)
    return f"{WORD}{{{least},}}"


def folds_by_column(model: Any, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The steps the handler takes over, for columns whose readers all want the same ones."""
    folds = {}
    for name, readers in structure.vectorizers_by_column(model, names).items():
        wanted = {fold_steps(reader) for reader in readers}
        if len(wanted) == 1 and None not in wanted:
            steps = wanted.pop() or ()
            collapse = any(reader.analyzer in ("char", "char_wb") for reader in readers)
            folds[name] = (*steps, "single_spaces") if collapse else steps
    if len(folds) < len(structure.vectorizers_by_column(model, names)):
        return {}
    return folds


def neutral_settings(part: Any, *, folded: bool) -> dict[str, Any]:
    """Settings under which the vectoriser counts the same, once the handler has folded the text."""
    settings: dict[str, Any] = {}
    if folded:
        settings |= {"lowercase": False, "strip_accents": None}
    if getattr(part, "ngram_range", None) == (1, 1):
        settings["stop_words"] = None  # the fitted vocabulary holds none
    return settings


def fold_steps(part: Any) -> tuple[str, ...] | None:
    """What happens to a text before it is cut; None when the vectoriser brings its own preparation."""
    if part.preprocessor is not None or callable(part.strip_accents):
        return None
    steps: list[str] = ["lowercase"] if part.lowercase else []
    if part.strip_accents is not None:
        steps.append(ACCENTS[part.strip_accents])
    return tuple(steps)
