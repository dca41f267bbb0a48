"""An error as text: where it came from and why, without what a client sent.

Libraries put the value they choke on into the words of their error (`could not convert string to float: '…'`). When it
was a model that failed, the words of what lies below are left out unless LOG_INPUTS says otherwise; its kinds and
places are told.
"""

import traceback
from collections.abc import Iterator

from django.conf import settings

from inference.errors import ModelExecutionFailed

NOT_TOLD = "(not told: it may hold an input; LOG_INPUTS=true tells it)"
_MOST_LINKS = 8


def text_of(error: BaseException) -> str:
    """The error and those that led to it, the first one first, as Python would write it."""
    chain = list(_chain(error))
    hides = not settings.LOG_INPUTS and any(isinstance(link, ModelExecutionFailed) for link in chain)
    return "\n\n".join(_one(link, hides=hides) for link in reversed(chain))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_MOST_LINKS):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _without_inputs(error: BaseException) -> str:
    """Ours begin by saying what failed; what follows the colon is the library's."""
    own, _, theirs = str(error).partition(": ") if isinstance(error, ModelExecutionFailed) else ("", "", "x")
    return f"{own}: {NOT_TOLD}" if own and theirs else own or NOT_TOLD


def _one(error: BaseException, *, hides: bool) -> str:
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    words = _without_inputs(error) if hides else str(error)
    head = "Traceback (most recent call last):\n" if frames else ""
    return f"{head}{frames}{type(error).__module__}.{type(error).__qualname__}: {words}"
