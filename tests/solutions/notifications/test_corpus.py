"""The corpus: enough of it, of every kind, and nothing on both sides of the split."""

from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from solutions.notifications import actions, corpus
from solutions.notifications.corpus import Row


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return corpus.read()


def test_there_are_over_1200_notifications_of_eight_classes_three_languages_and_four_styles(rows: list[Row]) -> None:
    assert len(rows) >= 1200
    assert set(actions.DEFAULTS) == {row.label for row in rows}
    assert {row.language for row in rows} == set(corpus.LANGUAGES)
    assert {row.style for row in rows} == {"plain", "loud", "chatty", "clipped"}
    assert len({row.sender for row in rows}) > 80
    assert min(Counter((row.label, row.language) for row in rows).values()) >= 40


def test_no_notification_occurs_twice_and_no_place_is_left_open(rows: list[Row]) -> None:
    assert max(Counter(row.text for row in rows).values()) == 1
    assert not [row for row in rows if set("{}|") & set(row.text)]
    assert not [row for row in rows if not row.text.strip() or len(row.text) > 160]


def test_notifications_of_different_templates_are_no_near_duplicates(rows: list[Row]) -> None:
    """So none can be on both sides of any split. Likeness: shared pieces of three characters (Jaccard)."""
    pieces = CountVectorizer(analyzer="char_wb", ngram_range=(3, 3), binary=True)
    counts = pieces.fit_transform([row.text for row in rows]).astype(np.float32)
    shared = (counts @ counts.T).tocoo()
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    alike = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    template = np.array([row.template for row in rows])
    pairs = (template[shared.row] != template[shared.col]) & (alike >= 0.6)

    assert [(rows[a].text, rows[b].text) for a, b in zip(shared.row[pairs], shared.col[pairs], strict=True)] == []


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_a_template_and_the_unseen_style_are_on_one_side_only(rows: list[Row], seed: int) -> None:
    split = corpus.split(rows, seed=seed)

    train, held_out = {row.template for row in split.train}, {row.template for row in split.held_out}
    assert not train & held_out
    assert {row.style for row in split.unseen_style} == {corpus.UNSEEN_STYLE}
    assert corpus.UNSEEN_STYLE not in {row.style for row in [*split.train, *split.held_out]}
    assert len(split.train) + len(split.held_out) + len(split.unseen_style) == len(rows)
    assert {(row.label, row.language) for row in split.held_out} == {(row.label, row.language) for row in split.train}


def test_the_same_seed_draws_the_same_split_and_another_one_another(rows: list[Row]) -> None:
    assert corpus.split(rows, seed=20) == corpus.split(rows, seed=20)
    assert corpus.split(rows, seed=20) != corpus.split(rows, seed=21)
