"""One fitted vectoriser as a section."""

from typing import Any

import numpy as np

from inference.runtimes.linear_text import patterns
from inference.runtimes.linear_text.program import ANALYZERS, Analysis, Array, Section, Step
from inference.runtimes.linear_text.reader import MAX_GRAM
from inference.validation import texts
from inference.validation.linear_text.refusal import NotCovered

Steps = tuple[Step, ...]


def read_vectorizer(part: Any) -> Section:
    """Raises NotCovered."""
    kind = type(part).__name__
    analysis = _analysis(part)
    if kind == "HashingVectorizer":
        return Section(analysis, None, int(part.n_features), bool(part.alternate_sign), bool(part.binary), _norm(part))
    vocabulary = _vocabulary(part)
    steps: Steps = ()
    if kind == "TfidfVectorizer":
        log, factors, norm = tfidf_steps(part._tfidf)
        steps = (*log, *(() if factors is None else (Step("scale", factors=factors),)), *norm)
    return Section(analysis, vocabulary, 0, False, bool(part.binary), steps)


def tfidf_steps(part: Any) -> tuple[Steps, Array | None, Steps]:
    """The logarithm, the factors and the norm of a TfidfTransformer; empty or None for what it does not do."""
    log: Steps = (Step("log"),) if part.sublinear_tf else ()
    factors = np.asarray(part.idf_, dtype=np.float64) if hasattr(part, "idf_") else None
    return log, factors, _norm(part)


def _norm(part: Any) -> Steps:
    return () if part.norm is None else (Step("norm", norm=part.norm),)


def _analysis(part: Any) -> Analysis:
    if part.input != "content":
        raise NotCovered(f"a vectoriser that reads from a {part.input} is not served")
    if part.analyzer not in ANALYZERS:
        raise NotCovered("a vectoriser with a function of its own as analyzer has no linear form")
    fold = texts.fold_steps(part)
    if fold is None:
        raise NotCovered("a vectoriser with a function of its own as preprocessor has no linear form")
    stop_words: frozenset[str] = frozenset()
    pattern = ""
    if part.analyzer == "word":
        if part.tokenizer is not None:
            raise NotCovered("a vectoriser with a function of its own as tokenizer has no linear form")
        pattern = str(part.token_pattern)
        if not patterns.is_bounded(pattern):
            raise NotCovered(
                f"the token_pattern {pattern[:80]!r} is none of those that take linear time on every text"
                " (character classes of which the last repeats, between word boundaries or not)"
            )
        stop_words = frozenset(part.get_stop_words() or ())
    shortest, longest = (int(size) for size in part.ngram_range)
    if not 1 <= shortest <= longest <= MAX_GRAM:
        raise NotCovered(f"n-grams of {shortest} to {longest} have no linear form")
    return Analysis(part.analyzer, fold, pattern, stop_words, shortest, longest)


def _vocabulary(part: Any) -> tuple[str, ...]:
    """The terms in the order of their columns."""
    known = part.vocabulary_
    terms: list[Any] = [None] * len(known)
    for term, place in known.items():
        if not isinstance(term, str) or not 0 <= int(place) < len(terms) or terms[int(place)] is not None:
            raise NotCovered("the vocabulary is no list of terms")
        terms[int(place)] = term
    return tuple(terms)
