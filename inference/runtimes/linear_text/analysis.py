"""From a text to its terms, step by step as scikit-learn's vectorisers cut it."""

import itertools
from collections.abc import Callable

from inference.handlers import folding
from inference.runtimes.linear_text.program import Analysis
from inference.runtimes.linear_text.words import splitter

Terms = list[str]
Analyze = Callable[[str], Terms]


def analyzer(analysis: Analysis) -> Analyze:
    """The function that cuts texts; everything that can be decided now is."""
    cut = {"word": _words, "char": _characters, "char_wb": _characters_of_words}[analysis.analyzer](analysis)
    return _folded(analysis, cut)


def words_of(analysis: Analysis) -> Analyze:
    """The function that cuts texts into single words, of an analysis of words."""
    return _folded(analysis, _single_words(analysis))


def _folded(analysis: Analysis, cut: Analyze) -> Analyze:
    steps = [folding.STEPS[name] for name in analysis.fold]
    if not steps:
        return cut
    if len(steps) == 1:
        only = steps[0]
        return lambda text: cut(only(text))

    def fold_and_cut(text: str) -> Terms:
        for step in steps:
            text = step(text)
        return cut(text)

    return fold_and_cut


def _single_words(analysis: Analysis) -> Analyze:
    split, stop_words = splitter(analysis.pattern), analysis.stop_words
    if not stop_words:
        return split
    return lambda text: [word for word in split(text) if word not in stop_words]


def _words(analysis: Analysis) -> Analyze:
    split, shortest, longest = _single_words(analysis), analysis.shortest, analysis.longest
    if longest == 1:
        return split

    def cut(text: str) -> Terms:
        words = split(text)
        terms = words[:] if shortest == 1 else []
        if shortest <= 2:
            terms += [f"{first} {second}" for first, second in itertools.pairwise(words)]
        for size in range(max(shortest, 3), longest + 1):
            terms += [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]
        return terms

    return cut


def _characters(analysis: Analysis) -> Analyze:
    sizes = range(analysis.shortest, analysis.longest + 1)

    def cut(text: str) -> Terms:
        text = folding.single_spaces(text)
        terms: Terms = []
        for size in sizes:
            terms += [text[at : at + size] for at in range(len(text) - size + 1)]
        return terms

    return cut


def _characters_of_words(analysis: Analysis) -> Analyze:
    sizes = range(analysis.shortest, analysis.longest + 1)

    def cut(text: str) -> Terms:
        terms: Terms = []
        for word in text.split():
            padded = f" {word} "
            length = len(padded)
            for size in sizes:
                if length <= size:
                    terms.append(padded)  # a short word counts once
                    break
                terms += [padded[at : at + size] for at in range(length - size + 1)]
        return terms

    return cut
