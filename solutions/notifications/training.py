"""Trains the classifier: words and pieces of words, weighed by TF-IDF, and a multinomial logistic regression.

Probabilities are calibrated by temperature (Guo et al., On Calibration of Modern Neural Networks, 2017, section 4.2):
one number, found on folds of whole templates, by which all scores are divided. Divided into the weights, it leaves the
model a plain linear one, whose answers can be taken apart word by word.
"""

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from threadpoolctl import threadpool_limits

from solutions.figures import Figure, measured
from solutions.notifications import MODEL, corpus
from solutions.notifications.corpus import Row
from solutions.notifications.wording import as_read
from solutions.saving import saved
from solutions.trained import TrainedModel
from solutions.work import Work

SAMPLE_ROWS = 40
FOLDS = 4
WORDS = r"(?u)\b\w+\b|[^\w\s]"
UNSEEN = "unseen style"
_TEMPERATURES = np.geomspace(0.05, 5.0, 200)
_BINS = 10

Array = np.ndarray[Any, Any]


def train(work: Work) -> list[TrainedModel]:
    """One model. The same seed and libraries yield the same model and figures."""
    # The matrices are small: more threads would wait for each other.
    with threadpool_limits(1):
        return [_train(work)]


def _train(work: Work) -> TrainedModel:
    split = corpus.split(corpus.read(), seed=work.seed)
    texts, labels = _texts(split.train), _labels(split.train)
    temperature = _temperature(split.train, work)
    work.tell(FOLDS, FOLDS + 2, "fitting on all training rows")
    estimator = _fitted(texts, labels)
    head = estimator.named_steps["head"]
    head.coef_, head.intercept_ = head.coef_ / temperature, head.intercept_ / temperature
    work.tell(FOLDS + 1, FOLDS + 2, "measuring")
    figures = _figures(estimator, split.held_out, seed=work.seed)
    figures += _figures(estimator, split.unseen_style, seed=work.seed, dataset=UNSEEN)
    sample = _sample(split.held_out, seed=work.seed)
    work.tell(FOLDS + 2, FOLDS + 2, "done")
    return TrainedModel(
        name=MODEL,
        artifact=saved(estimator),
        task="classification",
        handler="text",
        description="What kind of notification is this? From its text and its sender.",
        sample=sample,
        expected=estimator.predict(sample).tolist(),
        figures=tuple(figures),
        facts=_facts(estimator, split, temperature),
        # An answer is quick to compute; it is remembered so that `from_cache` tells of repetitions.
        serving={"cache_ttl_seconds": 3600},
    )


def _fitted(texts: list[str], labels: Array) -> Pipeline:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS)  # and signs, one by one
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2)
    return Pipeline(
        [
            ("terms", FeatureUnion([("words", words), ("pieces", pieces)])),
            ("head", LogisticRegression(C=10.0, max_iter=2000, tol=1e-3)),
        ]
    ).fit(texts, labels)


def _temperature(rows: list[Row], work: Work) -> float:
    """What the scores are divided by: it makes the log loss least on templates that were left out."""
    texts, labels = np.array(_texts(rows), dtype=object), _labels(rows)
    groups = [row.template for row in rows]
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=work.seed).split(texts, labels, groups)
    scores, truths = [], []
    for at, (known, left_out) in enumerate(folds):
        work.tell(at, FOLDS + 2, f"calibrating: fold {at + 1} of {FOLDS}")
        estimator = _fitted(texts[known].tolist(), labels[known])
        scores.append(estimator.decision_function(texts[left_out].tolist()))
        truths.append(np.searchsorted(estimator.classes_, labels[left_out]))
    margin, truth = np.concatenate(scores), np.concatenate(truths)
    losses = [_loss(margin / temperature, truth) for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _loss(margin: Array, truth: Array) -> float:
    shifted = margin - margin.max(axis=1, keepdims=True)
    shares = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-shares[np.arange(len(truth)), truth].mean())


def _figures(estimator: Pipeline, rows: list[Row], *, seed: int, dataset: str = "held out") -> list[Figure]:
    """Classes are told by their place, so that a thousand draws are quick."""
    classes = estimator.classes_
    shares = estimator.predict_proba(_texts(rows))
    truth, predicted = np.searchsorted(classes, _labels(rows)), shares.argmax(axis=1)
    always = np.full(len(truth), np.bincount(truth).argmax())
    losses = -np.log(shares[np.arange(len(truth)), truth])
    told: dict[str, Any] = {"seed": seed, "groups": [row.template for row in rows], "dataset": dataset}
    constant: dict[str, Any] = {"baseline_name": "most frequent class"}
    return [
        measured("accuracy", accuracy, truth, predicted, **told, baseline=accuracy(truth, always), **constant),
        measured("macro F1", macro_f1, truth, predicted, **told, baseline=macro_f1(truth, always), **constant),
        measured(
            "log loss", np.mean, losses, **told, baseline=float(np.log(len(classes))), baseline_name="all classes alike"
        ),
        measured("overconfidence", overconfidence, shares.max(axis=1), predicted == truth, **told),
    ]


def accuracy(truth: Array, predicted: Array) -> float:
    """The share of right answers."""
    return float((truth == predicted).mean())


def macro_f1(truth: Array, predicted: Array) -> float:
    """The mean of the classes' F1, each class that occurs or is answered counting alike."""
    count = int(max(truth.max(), predicted.max())) + 1
    right = np.bincount(truth[truth == predicted], minlength=count)
    sizes = np.bincount(truth, minlength=count) + np.bincount(predicted, minlength=count)
    return float((2.0 * right[sizes > 0] / sizes[sizes > 0]).mean())


def overconfidence(confidence: Array, is_right: Array) -> float:
    """By how much the mean confidence is above the accuracy."""
    return float(confidence.mean() - is_right.mean())


def calibration_error(confidence: Array, is_right: Array) -> float:
    """The expected calibration error in ten bins of equal width: how far confidence and accuracy are apart.

    Not a figure with a range: draws with repeated rows have larger gaps than the rows themselves.
    """
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(confidence[bins == at].mean() - is_right[bins == at].mean()) * (bins == at).mean() for at in np.unique(bins)
    ]
    return float(sum(gaps))


def _facts(estimator: Pipeline, split: corpus.Split, temperature: float) -> dict[str, Any]:
    truth, predicted = _labels(split.held_out), estimator.predict(_texts(split.held_out))
    labels = estimator.classes_.tolist()
    parts = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0.0)
    counts = confusion_matrix(truth, predicted, labels=labels)
    return {
        "Corpus": f"version {corpus.VERSION}; {len(split.train)} rows to learn from, {len(split.held_out)} held out by "
        f"template, {len(split.unseen_style)} in a style that was held out altogether ({corpus.UNSEEN_STYLE})",
        "Temperature": f"{temperature:.3f}",
        "Expected calibration error": f"{_calibration(estimator, split.held_out):.4f} on held-out rows, "
        f"{_calibration(estimator, split.unseen_style):.4f} in the unseen style",
        "Classes, on held-out rows": [
            {"class": label, "precision": float(p), "recall": float(r), "F1": float(f), "rows": int(n)}
            for label, p, r, f, n in zip(labels, *parts, strict=True)
        ],
        "Confusion on held-out rows (a line is what it was, a column what was answered)": [
            {"": label, **dict(zip(labels, row, strict=True))}
            for label, row in zip(labels, counts.tolist(), strict=True)
        ],
    }


def _calibration(estimator: Pipeline, rows: list[Row]) -> float:
    shares = estimator.predict_proba(_texts(rows))
    return calibration_error(shares.max(axis=1), estimator.classes_[shares.argmax(axis=1)] == _labels(rows))


def _sample(rows: list[Row], *, seed: int) -> list[str]:
    """Some held-out rows of every class, as the model reads them."""
    random = np.random.default_rng(seed)
    labels = sorted({row.label for row in rows})
    each = SAMPLE_ROWS // len(labels)
    chosen = []
    for label in labels:
        members = [row for row in rows if row.label == label]
        chosen += [members[at] for at in random.permutation(len(members))[:each]]
    return _texts(chosen)


def _texts(rows: list[Row]) -> list[str]:
    return [as_read(row.text, row.sender) for row in rows]


def _labels(rows: list[Row]) -> Array:
    return np.array([row.label for row in rows], dtype=object)
