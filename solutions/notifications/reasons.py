"""Why a notification was classified so, in words: drawn from what the words of the text added to the score."""

from collections.abc import Sequence

from inference.explaining import Explanation, NotExplained, RowExplanation
from solutions.notifications.wording import shown

_MOST_WORDS = 3
_SMALL_SHARE = 0.1


def words_for(explanation: Explanation | NotExplained | None, row: int) -> list[str]:
    """The words that spoke most for the answer to a row, strongest first; none where it can't be explained."""
    return speaking(explanation.rows[row]) if isinstance(explanation, Explanation) else []


def speaking(row: RowExplanation) -> list[str]:
    """Those contributions that count: single words, not far behind the strongest."""
    found: list[tuple[str, float]] = []
    for one in row.contributions:
        # Pairs of words repeat what their words say.
        is_word = one.contribution > 0 and " " not in one.name and any(letter.isalnum() for letter in one.name)
        if is_word and (not found or one.contribution >= _SMALL_SHARE * found[0][1]):
            found.append((one.name, one.contribution))
    return [name for name, _ in found[:_MOST_WORDS]]


def told(*, label: str, confidence: float | None, words: Sequence[str], is_sure: bool, threshold: float) -> str:
    """The sentence: what it was taken for, what spoke for that, and whether that was enough for its action."""
    because = "by the text as a whole"
    if words:
        because = f"{_listed([shown(word) for word in words])} {'speaks' if len(words) == 1 else 'speak'} for it"
    sentence = f"Classified as {label}: {because}"
    if not is_sure:
        share = "unknown" if confidence is None else f"{confidence:.0%}"
        sentence += f"; its confidence ({share}) is below {threshold:.0%}, so it is shown more carefully"
    return f"{sentence}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
