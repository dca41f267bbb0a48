"""Bytes to program: every part is judged, since the file comes out of a process that opened a stranger's model."""

from collections.abc import Callable
from typing import Any

from inference.runtimes.linear_text import container, patterns
from inference.runtimes.linear_text.program import (
    ANALYZERS,
    CURVES,
    FOLDS,
    LINKS,
    NORMS,
    STEPS,
    Analysis,
    Array,
    Curve,
    Head,
    NotALinearText,
    Program,
    Section,
    Step,
)

MAX_SECTIONS, MAX_STEPS, MAX_MEMBERS = 64, 8, 100
MAX_TERMS = 1 << 24
MAX_GRAM, MAX_TERM = 50, 100_000
INNER = ("decide", "sigmoid", "softmax", "one_vs_rest", "modified_huber")


def read(content: bytes) -> Program:
    """Raises NotALinearText."""
    header, arrays = container.unpack(content)
    return _Reader(arrays).program(header)


class _Reader:
    """Reads parts of the header; `arrays` are what its numbers refer to."""

    def __init__(self, arrays: list[Array]) -> None:
        self._arrays = arrays

    def program(self, told: Any) -> Program:
        _fields(told, "sections", "joint", "weights", "offsets", "head")
        sections = self._list(told["sections"], self._section, 1, MAX_SECTIONS)
        width = sum(section.width for section in sections)
        offsets = self._array(told["offsets"], 1)
        weights = self._array(told["weights"], 2)
        if weights.shape != (width, len(offsets)) or not len(offsets):
            raise NotALinearText("the weights do not fit the terms")
        joint = self._list(told["joint"], lambda step: self._step(step, width), 0, MAX_STEPS)
        if any(step.kind == "log" for step in joint):
            raise NotALinearText("only counts have a logarithm")
        return Program(sections, joint, weights, offsets, self._head(told["head"], len(offsets)))

    def _section(self, told: Any) -> Section:
        _fields(told, "analysis", "vocabulary", "buckets", "signed", "binary", "steps")
        vocabulary = told["vocabulary"]
        if vocabulary is not None:
            vocabulary = _texts(vocabulary, MAX_TERMS)
            if not vocabulary or len(set(vocabulary)) != len(vocabulary):
                raise NotALinearText("a vocabulary is empty or names a term twice")
        buckets = _whole(told["buckets"], 0, MAX_TERMS)
        if (vocabulary is None) == (buckets == 0):
            raise NotALinearText("a section has neither a vocabulary nor buckets, or both")
        width = buckets if vocabulary is None else len(vocabulary)
        steps = self._list(told["steps"], lambda step: self._step(step, width), 0, MAX_STEPS)
        analysis = _analysis(told["analysis"])
        if any(step.kind == "log" and (at or told["signed"]) for at, step in enumerate(steps)):
            raise NotALinearText("only counts have a logarithm")
        return Section(analysis, vocabulary, buckets, _truth(told["signed"]), _truth(told["binary"]), steps)

    def _step(self, told: Any, width: int) -> Step:
        _fields(told, "kind", "factors", "norm", "threshold")
        kind, factors = _one_of(told["kind"], STEPS), None
        if kind == "scale":
            factors = self._array(told["factors"], 1)
            if len(factors) != width:
                raise NotALinearText("there is not one factor for each term")
        norm = _one_of(told["norm"], NORMS) if kind == "norm" else ""
        threshold = _number(told["threshold"])
        if threshold < 0:
            raise NotALinearText("a threshold below zero would count terms that are not there")
        return Step(kind, factors, norm, threshold)

    def _head(self, told: Any, scores: int) -> Head:
        _fields(told, "link", "classes", "inner", "members")
        link, classes = _one_of(told["link"], LINKS), _whole(told["classes"], 0, MAX_TERMS)
        if link == "calibrated":
            inner = _one_of(told["inner"], INNER)
            members = self._list(
                told["members"], lambda one: self._list(one, self._curve, 1, MAX_TERMS), 1, MAX_MEMBERS
            )
            head = Head(link, classes, inner, members)
        else:
            head = Head(link, classes)
        _check_scores(head, scores)
        return head

    def _curve(self, told: Any) -> Curve:
        _fields(told, "kind", "a", "b", "x", "y")
        kind = _one_of(told["kind"], CURVES)
        if kind == "sigmoid":
            return Curve(kind, _number(told["a"]), _number(told["b"]))
        x, y = self._array(told["x"], 1), self._array(told["y"], 1)
        if not len(x) or len(x) != len(y) or (x[1:] < x[:-1]).any():
            raise NotALinearText("the points of a curve are not in order")
        return Curve(kind, x=x, y=y)

    def _array(self, place: Any, rank: int) -> Array:
        array = self._arrays[_whole(place, 0, len(self._arrays) - 1)]
        if array.ndim != rank:
            raise NotALinearText("an array has another rank")
        return array

    @staticmethod
    def _list(told: Any, read_one: Callable[[Any], Any], least: int, most: int) -> tuple[Any, ...]:
        if not isinstance(told, list) or not least <= len(told) <= most:
            raise NotALinearText("a list has an impossible length")
        return tuple(map(read_one, told))


def _analysis(told: Any) -> Analysis:
    _fields(told, "analyzer", "fold", "pattern", "stop_words", "shortest", "longest")
    analyzer = _one_of(told["analyzer"], ANALYZERS)
    pattern = told["pattern"]
    if analyzer == "word" and not (isinstance(pattern, str) and patterns.is_bounded(pattern)):
        raise NotALinearText("the expression that cuts words is none of the known ones")
    fold = tuple(_one_of(step, FOLDS) for step in _texts(told["fold"], len(FOLDS)))
    longest = _whole(told["longest"], 1, MAX_GRAM)
    shortest = _whole(told["shortest"], 1, longest)
    return Analysis(analyzer, fold, str(pattern), frozenset(_texts(told["stop_words"], MAX_TERMS)), shortest, longest)


def _check_scores(head: Head, scores: int) -> None:
    """Each link takes one number of scores for a number of classes."""
    classes, pairs = head.classes, head.classes * (head.classes - 1) // 2
    several = {1} if classes == 2 else {classes}
    wanted = {
        "decide": several,
        "sigmoid": {1} if classes == 2 else set(),
        "softmax": {classes},
        "one_vs_rest": {classes},
        "modified_huber": several,
        "pairs": {pairs},
    }
    if head.link == "values":
        fits = classes == 0
    elif head.link == "calibrated":
        each = wanted[head.inner]
        fits = all(len(curves) == (1 if classes == 2 else classes) for curves in head.members)
        fits = fits and any(scores == one * len(head.members) for one in each)
    else:
        fits = scores in wanted[head.link]
    if not fits or classes == 1:
        raise NotALinearText("the scores do not fit the classes")


def _fields(told: Any, *names: str) -> None:
    if not isinstance(told, dict) or set(told) != set(names):
        raise NotALinearText("a part of the header has other fields")


def _texts(told: Any, most: int) -> tuple[str, ...]:
    if not isinstance(told, list) or len(told) > most:
        raise NotALinearText("a list of texts has another form")
    if any(type(text) is not str or len(text) > MAX_TERM for text in told):
        raise NotALinearText("a term is no text, or too long")
    return tuple(told)


def _one_of(told: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(told, str) or told not in allowed:
        raise NotALinearText("a name is not known")
    return told


def _whole(told: Any, least: int, most: int) -> int:
    if type(told) is not int or not least <= told <= most:
        raise NotALinearText("a number is out of range")
    return told


def _number(told: Any) -> float:
    if type(told) not in (int, float) or not -1e300 < told < 1e300:
        raise NotALinearText("a number is out of range")
    return float(told)


def _truth(told: Any) -> bool:
    if type(told) is not bool:
        raise NotALinearText("a truth is neither true nor false")
    return told
