"""From a fitted model to the plan of its explanations. In the sandbox only."""

from dataclasses import replace
from typing import Any

import numpy as np

from inference import handlers
from inference.explaining import files, words
from inference.explaining.columns import features_of
from inference.explaining.explainers import Columns
from inference.explaining.plan import Array, Plan, Trees
from inference.explaining.told import CannotExplain
from inference.explaining.trees import MAX_CELLS
from inference.handlers.base import Payload
from inference.runtimes.linear_text import reader
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature
from inference.validation import structure
from inference.validation.explaining import ensembles, linear, proof
from inference.validation.explaining.columns import Features, of_client, through
from inference.validation.explaining.refusal import NotCovered
from inference.validation.reference import Reference

FEWEST_SAMPLE_ROWS = 10
MAX_PROOF_ROWS = 64


def plan_for(model: Any, original: Reference, served: Signature) -> tuple[dict[str, Any], bytes | None]:
    """(what is told of it, the plan's file): the method, unit and baseline; or the code and message of why there is
    none. Never raises for what a model may be."""
    try:
        plan = _plan(model, original, served)
        return {"method": plan.method, "unit": plan.unit, "baseline": plan.baseline}, files.write(plan)
    except CannotExplain as error:
        return {"code": error.reason.code, "message": str(error)}, None
    except NotCovered as error:
        return {"code": "not_covered", "message": f"No explanations: {error}."}, None
    except Exception as error:  # parts of a fitted model may be anything
        return {"code": "not_covered", "message": f"No explanations: {type(error).__name__}: {error}"[:500]}, None


def of_linear_text(content: bytes) -> dict[str, Any]:
    """What is told of a compiled linear text model, which needs no plan: it says itself what its terms weigh."""
    unit = words.unit_of(reader.read(content).head)
    return {"method": "linear_text", "unit": unit, "baseline": words.BASELINE}


def _plan(model: Any, original: Reference, served: Signature) -> Plan:
    signature = original.signature
    if signature.handler != "tabular" or signature.multi_output is not None:
        raise NotCovered("only models of columns with one answer are taken apart")
    given, last = _split(structure.without_training(model), signature)
    sample = original.rows[: original.sample_rows]
    found = ensembles.read(last)
    if found is not None:
        if given.projection is not None:
            raise NotCovered("trees behind a projection can't be taken apart")
        part, scores = found
        plan = Plan(signature.width, given.features, part, "value", "training rows", scores)
        return _proved(plan, model, original, served)
    if not linear.is_linear(last):
        raise NotCovered(f"{type(last).__name__} neither weighs its columns nor is made of trees")
    center, baseline = _center(given, sample)
    weights = linear.read(last, given, center)
    plan = Plan(signature.width, given.features, weights, "value", baseline, len(weights.offsets))
    return _proved(plan, model, original, served)


def _split(model: Any, signature: Signature) -> tuple[Features, Any]:
    """What the last part sees, and the last part."""
    names = getattr(model, "feature_names_in_", None)
    names = list(signature.names) if names is None else [str(name) for name in names]
    given = of_client(len(names))
    while type(model).__name__ == "Pipeline":
        for _, step in model.steps[:-1]:
            given = through(step, given, names)
        model = structure.without_training(model.steps[-1][1])
    return _as_signed(given, names, signature), model


def _as_signed(given: Features, names: list[str], signature: Signature) -> Features:
    """The features with the columns' numbers of the signature, which leaves out what the model never looks at."""
    features = []
    for feature in given.features:
        if names[feature.column] not in signature.index:
            raise NotCovered(f"the column {names[feature.column]!r} is not sent by clients")
        features.append(type(feature)(signature.index[names[feature.column]], feature.steps))
    return Features(tuple(features), given.center, given.projection, given.shift)


def _center(given: Features, sample: list[Any]) -> tuple[Array, str]:
    """To what a row is compared: the training rows' mean where the transformers kept it, else the sample's, else 0."""
    if given.features and all(at is not None for at in given.center):
        return np.array(given.center, dtype=np.float64), "training rows"
    if len(sample) >= FEWEST_SAMPLE_ROWS:
        means = features_of(sample, given.features).mean(axis=0)
        if np.isfinite(means).all():
            return means, "sample rows"
    return np.zeros(len(given.features)), "zero"


def _proved(plan: Plan, model: Any, original: Reference, served: Signature) -> Plan:
    """The plan with the unit that the proof found. Raises NotCovered, CannotExplain."""
    opened = Columns(plan)
    if opened.cells > MAX_CELLS:
        raise CannotExplain("too_large", "The trees are too large to be taken apart for each request.")
    many = len(original.rows) if served.allows_missing else original.gaps_from
    chosen = list(range(0, many, max(many // MAX_PROOF_ROWS, 1)))
    rows, signature = [original.rows[at] for at in chosen], original.signature
    unit = proof.unit_of(
        opened.scores(rows),
        original.answers.pick(chosen),
        SklearnModel(model, signature),
        signature,
        handlers.get(signature.handler).preprocess(Payload("instances", rows), signature),
        single=isinstance(plan.model, Trees) and plan.model.single,
    )
    if unit is None:
        raise NotCovered("what its parts add up to is not what it answers")
    return replace(plan, unit=unit, is_one_sided=unit == "log2 of the anomaly score")
