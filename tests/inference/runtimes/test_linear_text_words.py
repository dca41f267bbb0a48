"""The quick ways to split a text into words find what the expression finds."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.runtimes.linear_text import patterns
from inference.runtimes.linear_text.words import RUN, splitter

RUNS = (r"(?u)\b\w\w+\b", r"\b\w+\b", r"\w+", r"\b\w\w\w+", r"\w\w+\b")
OTHERS = (r"\S+", r"(?u)\b[a-z]\w+\b", r"\w{2,}", r"\b\w\b", r"\w\w", r"\w+|[^\w\s]")
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from(string.printable + "\x00\x1c\x7f"))


@pytest.mark.parametrize("pattern", RUNS + OTHERS)
@given(text=TEXTS)
def test_any_text_is_split_as_the_expression_splits_it(pattern: str, text: str) -> None:
    assert splitter(pattern)(text) == re.findall(pattern, text)


def test_only_runs_of_word_characters_are_split_without_the_expression() -> None:
    assert all(map(patterns.is_bounded, RUNS + OTHERS))
    assert [pattern for pattern in RUNS + OTHERS if RUN.fullmatch(pattern)] == list(RUNS)
