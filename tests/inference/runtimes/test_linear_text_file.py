"""The linear text form's reader takes what its writer wrote, and nothing else."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.utils import murmurhash3_32

from inference.runtimes.linear_text import container, patterns, reader
from inference.runtimes.linear_text.hashing import murmur
from inference.runtimes.linear_text.program import Analysis, Curve, Head, NotALinearText, Program, Section, Step
from inference.validation.linear_text import writing

WORDS = Analysis("word", ("lowercase",), r"(?u)\b\w\w+\b", frozenset({"the"}), 1, 2)


def program() -> Program:
    steps = (Step("log"), Step("scale", factors=np.array([1.0, 2.0, 0.5])), Step("norm", norm="l2"))
    counted = Section(WORDS, ("bad", "good", "good film"), 0, False, False, steps)
    hashed = Section(WORDS, None, 4, True, False, ())
    curves = (Curve("sigmoid", -1.0, 0.5),), (Curve("isotonic", x=np.array([-1.0, 1.0]), y=np.array([0.0, 1.0])),)
    head = Head("calibrated", 2, "decide", curves)
    return Program((counted, hashed), (Step("norm", norm="l1"),), np.ones((7, 2)), np.zeros(2), head)


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The file with something else in its header."""
    header, arrays = container.unpack(writing.write(program()))
    change(header)
    return container.pack(header, arrays)


def test_what_is_written_is_read_back() -> None:
    written = writing.write(program())
    assert writing.write(reader.read(written)) == written


def test_every_cut_and_every_addition_is_refused() -> None:
    written = writing.write(program())
    for content in (*(written[:size] for size in range(len(written))), written + b"\0", b" " + written):
        with pytest.raises(NotALinearText):
            reader.read(content)


def test_a_changed_byte_is_refused_or_read_as_another_program() -> None:
    written, chance = writing.write(program()), random.Random(3)
    for _ in range(2000):
        content = bytearray(written)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        try:
            reader.read(bytes(content))
        except NotALinearText:
            continue


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an unknown field": lambda h: h.update(code="import os"),
    "a missing field": lambda h: h.pop("joint"),
    "no section": lambda h: h.update(sections=[]),
    "another link": lambda h: h["head"].update(link="exec"),
    "a link that is a list": lambda h: h["head"].update(link=["softmax"]),
    "scores for other classes": lambda h: h["head"].update(classes=3),
    "calibration inside calibration": lambda h: h["head"].update(inner="calibrated"),
    "no members": lambda h: h["head"].update(members=[]),
    "an array that is not there": lambda h: h.update(weights=99),
    "an array counted from the end": lambda h: h.update(weights=-1),
    "a truth as a place": lambda h: h.update(weights=True),
    "an array of another rank": lambda h: h.update(weights=h["offsets"]),
    "an unknown step": lambda h: h["joint"][0].update(kind="eval"),
    "a joint logarithm": lambda h: h["joint"][0].update(kind="log"),
    "a late logarithm": lambda h: h["sections"][0]["steps"].append(h["sections"][0]["steps"][0]),
    "a logarithm of signed counts": lambda h: h["sections"][1].update(steps=[h["sections"][0]["steps"][0]]),
    "a threshold below zero": lambda h: h["joint"][0].update(threshold=-1),
    "a threshold that is no number": lambda h: h["joint"][0].update(threshold="0"),
    "factors for other terms": lambda h: h["sections"][0].update(vocabulary=["bad", "good"]),
    "a term twice": lambda h: h["sections"][0].update(vocabulary=["bad", "good", "bad"]),
    "a term that is no text": lambda h: h["sections"][0].update(vocabulary=["bad", "good", 3]),
    "both vocabulary and buckets": lambda h: h["sections"][0].update(buckets=3),
    "too many buckets": lambda h: h["sections"][1].update(buckets=1 << 40),
    "an unbounded expression": lambda h: h["sections"][0]["analysis"].update(pattern="(a+)+b"),
    "no expression": lambda h: h["sections"][0]["analysis"].update(pattern=None),
    "an unknown fold": lambda h: h["sections"][0]["analysis"].update(fold=["system"]),
    "huge n-grams": lambda h: h["sections"][0]["analysis"].update(longest=10_000),
    "n-grams from long to short": lambda h: h["sections"][0]["analysis"].update(shortest=3),
    "a number for a truth": lambda h: h["sections"][0].update(binary=1),
    "a text for a list": lambda h: h.update(sections="word"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_header_with_something_else_in_it_is_refused(name: str) -> None:
    with pytest.raises(NotALinearText):
        reader.read(changed(CHANGES[name]))


def test_numbers_are_finite_and_curves_in_order() -> None:
    header, arrays = container.unpack(writing.write(program()))
    for place, value in ((header["weights"], np.nan), (header["offsets"], np.inf)):
        worse = [array.copy() for array in arrays]
        worse[place].flat[0] = value
        with pytest.raises(NotALinearText):
            reader.read(container.pack(header, worse))
    worse = [array[::-1] if array.tolist() == [-1.0, 1.0] else array for array in arrays]
    with pytest.raises(NotALinearText, match="order"):
        reader.read(container.pack(header, worse))


@pytest.mark.parametrize("shape", [[1 << 60], [1 << 31, 1 << 31], [-1], [1, 1, 1], [], "3", [True], [2.0]])
def test_an_impossible_shape_is_refused_before_anything_is_made(shape: Any) -> None:
    text = json.dumps({"arrays": [shape], "program": {}}).encode()
    content = container.MARK + container.LENGTH.pack(len(text)) + text
    with pytest.raises(NotALinearText):
        container.unpack(content)


def test_deep_nesting_is_refused() -> None:
    text = b"[" * 1_000_000
    with pytest.raises(NotALinearText):
        container.unpack(container.MARK + container.LENGTH.pack(len(text)) + text)


@pytest.mark.parametrize(
    "pattern",
    [r"(?u)\b\w\w+\b", r"\w+", r"\S+", r"[a-z]+", r"\b[a-zA-Z]{3,}\b", r"[\w']+", r"\b\w[\w-]*\b", r"\w+|[^\w\s]"],
)
def test_common_expressions_are_taken_and_quick_on_hard_texts(pattern: str) -> None:
    assert patterns.is_bounded(pattern)
    for text in ("a" * 200_000 + "!", "a-" * 100_000, "é1" * 100_000, "-" * 200_000):
        re.findall(pattern, text)  # the run's own time limit is the test


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+b", r"(?:a|a)+b", r"\w+@\w+", r"[a-z]+\b", r"\w*\w*x", r"(\w+)", r"(?=a)", r"a" * 300, r"[a", "", r"\1"],
)
def test_other_expressions_are_not(pattern: str) -> None:
    assert not patterns.is_bounded(pattern)


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "abcd", "abcde", "привет мир", "你好 世界", "x" * 1001])
def test_the_hash_is_murmurs(text: str) -> None:
    assert murmur(text.encode()) == murmurhash3_32(text, seed=0)
