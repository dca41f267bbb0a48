"""Trains the classifier: words, pairs of words and pieces of words by TF-IDF, and a multinomial logistic regression.

Probabilities are calibrated by temperature (Guo et al., On Calibration of Modern Neural Networks, 2017, section 4.2) on
writers that are left out one after the other, and the temperature is divided into the weights: the model stays linear.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.pipeline import make_pipeline, make_union
from threadpoolctl import threadpool_limits

from solutions.figures import HELD_OUT, Figure, measured
from solutions.intents import MODEL, corpus
from solutions.intents.corpus import OTHER, Row
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work

SAMPLE_ROWS_EACH = 3
WORDS = r"(?u)\b\w+\b"
IN_TURN = "each writer left out in turn"

Array = np.ndarray[Any, Any]


def train(work: Work) -> list[TrainedModel]:
    """One model. The same seed and libraries yield the same model and figures."""
    # The matrices are small: more threads would wait for each other.
    with threadpool_limits(1):
        return [_train(work)]


def _train(work: Work) -> TrainedModel:
    split = corpus.split(corpus.read())
    scores, told = _in_turn(split.train, work)
    temperature = _temperature(scores, told)
    work.tell(8, 10, "fitting on all training writers")
    estimator = _fitted(split.train)
    head = estimator[-1]
    head.coef_, head.intercept_ = head.coef_ / temperature, head.intercept_ / temperature
    work.tell(9, 10, "measuring")
    shares = estimator.predict_proba(_texts(split.held_out))
    figures = _figures(estimator.classes_, shares, split.held_out, seed=work.seed)
    figures.append(_figure_in_turn(scores, told, seed=work.seed))
    sample = _sample(split.held_out, seed=work.seed)
    work.tell(10, 10, "done")
    return TrainedModel(
        name=MODEL,
        artifact=saved(estimator),
        task="classification",
        handler="text",
        description="What does a bank's customer want? From one utterance in English or German.",
        sample=sample,
        expected=estimator.predict(sample).tolist(),
        figures=tuple(figures),
        facts=_facts(estimator, split, temperature),
        # An answer is quick to compute; it is remembered so that `from_cache` tells of repetitions.
        serving={"cache_ttl_seconds": 3600},
    )


def _fitted(rows: list[Row]) -> Any:
    # Of ten settings these had the best macro F1 on training writers left out in turn.
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    model = make_pipeline(
        make_union(words, pieces), LogisticRegression(C=20.0, max_iter=2000, tol=1e-3, class_weight="balanced")
    )
    return model.fit(_texts(rows), _labels(rows))


def _in_turn(rows: list[Row], work: Work) -> tuple[Array, Array]:
    """The scores of each row by a model that never saw its writer, and the places of its class."""
    writers = sorted({row.writer for row in rows})
    classes = np.unique(_labels(rows))
    scores = np.empty((len(rows), len(classes)))
    for at, writer in enumerate(writers):
        work.tell(at, 10, f"without {writer}")
        own = np.array([row.writer == writer for row in rows])
        model = _fitted([row for row in rows if row.writer != writer])
        scores[own] = model.decision_function([row.text for row in rows if row.writer == writer])
    return scores, np.searchsorted(classes, _labels(rows))


def _temperature(scores: Array, truth: Array) -> float:
    """What the scores are divided by to make the log loss least."""

    def loss(log_temperature: float) -> float:
        shares = _shares(scores / np.exp(log_temperature))
        return float(-np.log(shares[np.arange(len(truth)), truth]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))


def _shares(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _figures(classes: Array, shares: Array, rows: list[Row], *, seed: int) -> list[Figure]:
    truth, said = np.searchsorted(classes, _labels(rows)), shares.argmax(axis=1)
    always = np.full(len(truth), np.bincount(truth).argmax())
    third = np.sort(shares, axis=1)[:, -3]
    among_three = shares[np.arange(len(truth)), truth] >= third
    other = int(np.searchsorted(classes, OTHER))
    told: dict[str, Any] = {"seed": seed, "dataset": HELD_OUT}
    constant: dict[str, Any] = {"baseline_name": "most frequent class"}
    figures = [
        measured("accuracy", accuracy_score, truth, said, **told, baseline=accuracy_score(truth, always), **constant),
        measured("macro F1", _macro_f1, truth, said, **told, baseline=_macro_f1(truth, always), **constant),
        measured(
            "right among the first three",
            np.mean,
            among_three,
            **told,
            baseline=3 / len(classes),
            baseline_name="three at random",
        ),
        measured("out of scope, recall", _recall_of(other), truth, said, **told, baseline=0.0, **constant),
        measured("out of scope, precision", _precision_of(other), truth, said, **told),
    ]
    for language in ("en", "de"):
        own = np.array([row.language == language for row in rows])
        there: dict[str, Any] = {**told, "dataset": f"{HELD_OUT}, {language}"}
        figures.append(measured("accuracy", accuracy_score, truth[own], said[own], **there))
    return figures


def _figure_in_turn(scores: Array, truth: Array, *, seed: int) -> Figure:
    always = float(np.bincount(truth).max() / len(truth))
    return measured(
        "accuracy", accuracy_score, truth, scores.argmax(axis=1), seed=seed, dataset=IN_TURN,
        baseline=always, baseline_name="most frequent class",
    )  # fmt: skip


def _macro_f1(truth: Array, said: Array) -> float:
    return float(f1_score(truth, said, average="macro", zero_division=0.0))


def _recall_of(place: int) -> Any:
    def recall(truth: Array, said: Array) -> float:
        own = truth == place
        return float((said[own] == place).mean()) if own.any() else float("nan")

    return recall


def _precision_of(place: int) -> Any:
    def precision(truth: Array, said: Array) -> float:
        own = said == place
        return float((truth[own] == place).mean()) if own.any() else float("nan")

    return precision


def _facts(estimator: Any, split: corpus.Split, temperature: float) -> dict[str, Any]:
    truth, said = _labels(split.held_out), estimator.predict(_texts(split.held_out))
    labels = estimator.classes_.tolist()
    parts = precision_recall_fscore_support(truth, said, labels=labels, zero_division=0.0)
    counts = confusion_matrix(truth, said, labels=labels)
    writers = sorted({row.writer for row in split.train})
    return {
        "Corpus": f"version {corpus.VERSION}; {len(split.train)} utterances of {len(writers)} writers to learn from "
        f"({', '.join(writers)}), {len(split.held_out)} of {' and '.join(corpus.UNSEEN_WRITERS)} held out",
        "Temperature": f"{temperature:.3f}",
        "Intents, on held-out utterances": [
            {"intent": label, "precision": float(p), "recall": float(r), "F1": float(f), "rows": int(n)}
            for label, p, r, f, n in zip(labels, *parts, strict=True)
        ],
        "Confusion on held-out utterances (a line is what it was, a column what was answered)": [
            {"": label, **dict(zip(labels, row, strict=True))}
            for label, row in zip(labels, counts.tolist(), strict=True)
        ],
    }


def _sample(rows: list[Row], *, seed: int) -> list[str]:
    """Some held-out utterances of every intent."""
    random = np.random.default_rng(seed)
    chosen: list[Row] = []
    for intent in sorted({row.intent for row in rows}):
        members = [row for row in rows if row.intent == intent]
        chosen += [members[at] for at in random.permutation(len(members))[:SAMPLE_ROWS_EACH]]
    return _texts(chosen)


def _texts(rows: list[Row]) -> list[str]:
    return [row.text for row in rows]


def _labels(rows: list[Row]) -> Array:
    return np.array([row.intent for row in rows], dtype=object)
