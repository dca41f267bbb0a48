"""Text models in the linear form answer as the originals do, to the last digits, whatever the text."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Binarizer, MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC, LinearSVR

from inference import runtimes
from inference.runtimes.base import RawOutput
from inference.runtimes.linear_text import reader
from inference.runtimes.linear_text.scoring import LONGEST_SINGLE
from inference.signature import Column, Feed, Signature
from inference.validation import linear_text
from inference.validation.samples import words
from tests.inference.validation.scripts import documents

CLOSE = 1e-11
TRAINING, KINDS = documents(400, seed=1)
TWO = ["even" if kind % 2 == 0 else "odd" for kind in KINDS]
LENGTHS = [0.1 * len(text) for text in TRAINING]
UNSEEN = [*documents(120, seed=2)[0], *words.generate(["film", "good", "привет", "你好"], 160, 3)]


@dataclass(frozen=True)
class Pair:
    """A fitted original and its linear form."""

    original: Any
    compiled: Any

    def differences(self, texts: list[str], *, size: int = 0) -> list[str]:
        """The texts whose answers differ in label, or by more than CLOSE in value or probability.

        size: how many texts the linear form is asked at once, 0 for all.
        """
        batches = [texts[at : at + (size or len(texts))] for at in range(0, len(texts), size or len(texts))]
        parts = [self.compiled.predict({"text": np.array(batch, dtype=object)}) for batch in batches]
        probabilities = None if parts[0].probabilities is None else np.concatenate([p.probabilities for p in parts])
        said = RawOutput(np.concatenate([part.labels for part in parts]), probabilities)
        wanted = np.asarray(self.original.predict(texts))
        if wanted.dtype.kind == "f":
            wrong = np.abs(wanted - said.labels) > CLOSE * np.maximum(np.abs(wanted), 1.0)
        else:
            wrong = wanted != np.asarray(said.labels.tolist())
        if said.probabilities is not None:
            wrong = wrong | (np.abs(self.original.predict_proba(texts) - said.probabilities).max(axis=1) > CLOSE)
        return [text for text, differs in zip(texts, wrong, strict=True) if differs]


def signature(model: Any) -> Signature:
    classes = [value.item() if hasattr(value, "item") else value for value in getattr(model, "classes_", ())]
    return Signature(
        handler="text",
        task="classification" if classes else "regression",
        inputs=(Column("text", "string"),),
        feeds=(Feed("text", "string", (0,), (-1,)),),
        classes=tuple(classes) or None,
        has_probabilities=hasattr(model, "predict_proba"),
    )


def compiled(model: Any) -> Pair:
    content, told = linear_text.compile_text(model, signature(model))
    return Pair(model, runtimes.get("linear_text").load(content, told))


def fitted(*parts: Any, labels: Any = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(*parts).fit(TRAINING, KINDS if labels is None else labels)


def assert_same(model: Any, texts: list[str] = UNSEEN) -> None:
    """In one batch, and one by one."""
    pair = compiled(model)
    assert pair.differences(texts) == []
    assert pair.differences(texts, size=1) == []


VECTORIZERS: dict[str, Callable[[], Any]] = {
    "one and two words": lambda: TfidfVectorizer(ngram_range=(1, 2)),
    "pairs of words": lambda: TfidfVectorizer(ngram_range=(2, 2), stop_words=["film", "の"]),
    "two and three words": lambda: TfidfVectorizer(ngram_range=(2, 3)),
    "counts": lambda: CountVectorizer(),
    "presence without stop words": lambda: CountVectorizer(binary=True, stop_words="english"),
    "stop words before n-grams": lambda: TfidfVectorizer(stop_words=["film", "и", "の"], ngram_range=(1, 3)),
    "logarithms and shares": lambda: TfidfVectorizer(sublinear_tf=True, norm="l1"),
    "neither weights nor norm": lambda: TfidfVectorizer(norm=None, use_idf=False),
    "unsmoothed weights": lambda: TfidfVectorizer(smooth_idf=False, min_df=2, max_df=0.9),
    "characters": lambda: TfidfVectorizer(analyzer="char", ngram_range=(2, 4)),
    "single characters": lambda: CountVectorizer(analyzer="char"),
    "characters of words": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5)),
    "long parts of words": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(6, 8)),
    "accents do not matter": lambda: TfidfVectorizer(strip_accents="unicode"),
    "ASCII only": lambda: TfidfVectorizer(strip_accents="ascii", lowercase=False),
    "one-letter words": lambda: TfidfVectorizer(token_pattern=r"(?u)\b\w+\b"),
    "anything but blanks": lambda: TfidfVectorizer(token_pattern=r"\S+"),
    "two kinds of words": lambda: TfidfVectorizer(token_pattern=r"[a-z]{3,}|[^\W\da-z]+"),
    "hashes": lambda: HashingVectorizer(n_features=777),
    "unsigned hashes": lambda: HashingVectorizer(
        n_features=64, alternate_sign=False, binary=True, norm="l1", ngram_range=(1, 2)
    ),
    "words and characters": lambda: make_union(
        TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), HashingVectorizer(n_features=99)
    ),
}


@pytest.mark.parametrize("name", VECTORIZERS)
def test_every_way_to_count_is_the_originals(name: str) -> None:
    assert_same(fitted(VECTORIZERS[name](), LogisticRegression()))


BETWEEN: dict[str, Callable[[], list[Any]]] = {
    "counts made weights": lambda: [CountVectorizer(), TfidfTransformer(sublinear_tf=True)],
    "weighed hashes": lambda: [HashingVectorizer(n_features=500), TfidfTransformer()],
    "the best terms": lambda: [TfidfVectorizer(), SelectKBest(chi2, k=10)],
    "the best terms, then weights": lambda: [CountVectorizer(), SelectKBest(chi2, k=10), TfidfTransformer()],
    "largest one": lambda: [TfidfVectorizer(), MaxAbsScaler()],
    "spread one, then norm": lambda: [CountVectorizer(), StandardScaler(with_mean=False), Normalizer("max")],
    "ones": lambda: [CountVectorizer(), Binarizer(threshold=1)],
    "a projection": lambda: [TfidfVectorizer(), TruncatedSVD(4, random_state=0), StandardScaler()],
    "a norm over a union": lambda: [
        make_union(TfidfVectorizer(), make_pipeline(CountVectorizer(), MaxAbsScaler())),
        Normalizer(),
        SelectKBest(chi2, k=20),
    ],
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_stands_between_counts_and_model_is_the_originals(name: str) -> None:
    assert_same(fitted(*BETWEEN[name](), LogisticRegression()))


CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: LogisticRegression(),
    "search": lambda: GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    "linear machine": lambda: LinearSVC(),
    "stochastic, logarithmic": lambda: SGDClassifier(loss="log_loss", random_state=0),
    "stochastic, hinge": lambda: SGDClassifier(random_state=0),
    "stochastic, huber": lambda: SGDClassifier(loss="modified_huber", random_state=0),
    "perceptron": lambda: Perceptron(random_state=0),
    "ridge": lambda: RidgeClassifier(),
    "multinomial": lambda: MultinomialNB(),
    "complement": lambda: ComplementNB(),
    "bernoulli": lambda: BernoulliNB(),
    "calibrated": lambda: CalibratedClassifierCV(LinearSVC(), cv=3),
    "calibrated by steps": lambda: CalibratedClassifierCV(LinearSVC(), cv=3, method="isotonic"),
    "calibrated bayes": lambda: CalibratedClassifierCV(MultinomialNB(), cv=3),
    "calibrated once": lambda: CalibratedClassifierCV(BernoulliNB(), cv=3, method="isotonic", ensemble=False),
    "one against the rest": lambda: OneVsRestClassifier(LogisticRegression()),
    "one against the rest, decided": lambda: OneVsRestClassifier(LinearSVC()),
    "one against the rest, bayes": lambda: OneVsRestClassifier(MultinomialNB()),
    "machine of pairs": lambda: SVC(kernel="linear"),
}


@pytest.mark.parametrize("labels", [TWO, KINDS], ids=["two classes", "five classes"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_answers_as_the_original(name: str, labels: Any) -> None:
    assert_same(fitted(TfidfVectorizer(), CLASSIFIERS[name](), labels=labels), UNSEEN[::4])


@pytest.mark.parametrize("make", [Ridge, LinearRegression, LinearSVR, lambda: SGDRegressor(random_state=0)])
def test_every_regressor_answers_as_the_original(make: Callable[[], Any]) -> None:
    assert_same(fitted(TfidfVectorizer(), make(), labels=LENGTHS), UNSEEN[::4])


# -- Any text -----------------------------------------------------------------------------------------

ONE_OF_EACH: dict[str, Callable[[], Any]] = {
    "words": lambda: TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
    "characters": lambda: TfidfVectorizer(analyzer="char", ngram_range=(1, 3)),
    "parts": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
    "plain": lambda: CountVectorizer(strip_accents="unicode", binary=True),
    "hashes": lambda: HashingVectorizer(n_features=256),
}


@cache
def one_of_each(name: str) -> Pair:
    return compiled(fitted(ONE_OF_EACH[name](), LogisticRegression()))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_thousand_documents_in_five_scripts_get_the_originals_answers(name: str) -> None:
    texts, kinds = documents(1000, seed=7)
    assert len(set(kinds)) == 5
    assert one_of_each(name).differences(texts) == []


@pytest.mark.parametrize("name", ONE_OF_EACH)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), min_size=1, max_size=6))
def test_any_text_gets_the_originals_answer(name: str, texts: list[str]) -> None:
    assert one_of_each(name).differences(texts) == []
    assert one_of_each(name).differences(texts, size=1) == []


def test_a_long_text_alone_gets_the_originals_answer() -> None:
    long = " ".join(UNSEEN * 3)
    assert len(long) > LONGEST_SINGLE
    assert one_of_each("words").differences([long], size=1) == []


# -- What has no linear form --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([TfidfVectorizer(token_pattern=r"(?:a+)+b"), LogisticRegression()], "linear time"),
        ([TfidfVectorizer(tokenizer=str.split, token_pattern=None), LogisticRegression()], "tokenizer"),
        ([TfidfVectorizer(preprocessor=str.upper), LogisticRegression()], "preprocessor"),
        ([TfidfVectorizer(analyzer=str.split), LogisticRegression()], "analyzer"),
        ([TfidfVectorizer(), KNeighborsClassifier()], "KNeighborsClassifier"),
        ([TfidfVectorizer(), SVC(kernel="rbf")], "linear kernel"),
        ([TfidfVectorizer(), TruncatedSVD(3), Normalizer(), LogisticRegression()], "projection"),
        ([TfidfVectorizer(), LogisticRegression(), None], "no pipeline"),
    ],
)
def test_what_has_no_linear_form_is_said(parts: list[Any], reason: str) -> None:
    model = parts[1] if parts[-1] is None else fitted_on_letters(*parts)
    with pytest.raises(linear_text.NotCovered, match=reason):
        linear_text.compile_text(model, signature(model))


def fitted_on_letters(*parts: Any) -> Any:
    return make_pipeline(*parts).fit(["aab film", "ab good", "aaab film good", "b ab"] * 3, ["x", "y", "x", "y"] * 3)


def test_the_file_holds_data_only() -> None:
    model = fitted(TfidfVectorizer(), LogisticRegression())
    content, _ = linear_text.compile_text(model, signature(model))
    assert b"sklearn" not in content
    program = reader.read(content)
    assert set(program.sections[0].vocabulary or ()) == set(model[0].vocabulary_)
    assert program.head.classes == 5
