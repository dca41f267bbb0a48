"""Which expressions may cut a text into words: those that can't take more than linear time, whatever the text.

One to four alternatives. Each is a row of single character classes, of which the last may repeat, optionally between
word boundaries. Nothing nests and only the end repeats, so there is next to nothing to try again; a boundary at the
end asks for one at the beginning, or every start inside a long run would be tried.
"""

import re

WORD = "\\w"
INSIDE = r"(?:[^\[\]\\\n]|\\[wWdDsS\-_.'/+#@&$%*\\\[\]])"
CLASS = rf"(?:\\[wWdDsS]|\[\^?{INSIDE}+\])"
REPEAT = r"(?:[+*]|\{\d{1,3}(?:,\d{0,3})?\})"
FORM = re.compile(rf"(?P<begin>\\b)?(?P<row>{CLASS}*?)(?P<last>{CLASS})(?P<repeat>{REPEAT})?(?P<end>\\b)?")
MAX_LENGTH = 200
MAX_ALTERNATIVES = 4


def is_bounded(pattern: str) -> bool:
    """Whether the pattern is one of those forms, and an expression at all."""
    if len(pattern) > MAX_LENGTH:
        return False
    parts = pattern.removeprefix("(?u)").split("|")
    if len(parts) > MAX_ALTERNATIVES or not all(map(_is_form, parts)):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _is_form(part: str) -> bool:
    found = FORM.fullmatch(part)
    if found is None:
        return False
    whole_words = found["last"] == WORD and not found["row"].replace(WORD, "")
    return not found["end"] or bool(found["begin"]) or whole_words
