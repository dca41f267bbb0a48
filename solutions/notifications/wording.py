"""What the model reads: one text, with the sender as its first word. One code path for training and serving."""

import re

SENDER_MARK = "from_"
_NOT_IN_A_WORD = re.compile(r"\W+")


def as_read(text: str, sender: str = "") -> str:
    """The text as the model reads it; a sender becomes one word, `from_smoke_alarm`."""
    word = _NOT_IN_A_WORD.sub("_", sender.strip().lower()).strip("_")
    return f"{SENDER_MARK}{word} {text}" if word else text


def shown(word: str) -> str:
    """A word of the text as people read it: the sender's by its name, others in quotes."""
    if word.startswith(SENDER_MARK):
        return f"the sender {word.removeprefix(SENDER_MARK).replace('_', ' ')}"
    return f"“{word}”"
