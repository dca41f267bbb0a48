"""Labelled rows as training data: what was kept comes, in chunks, and no cell is a formula."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import AuditEvent
from monitoring.models import PredictionLog
from monitoring.outcomes import exporting, giving, items
from registry.errors import Forbidden
from registry.models import ModelVersion

pytestmark = pytest.mark.django_db
Predicted = Callable[..., PredictionLog]


@pytest.fixture
def tabular(classifier: ModelVersion) -> ModelVersion:
    """The classifier with two named inputs."""
    classifier.signature |= {"handler": "tabular", "inputs": [{"name": "size"}, {"name": "=colour"}]}
    classifier.save()
    return classifier


def tell(by: Any, record: PredictionLog, **truth: Any) -> None:
    giving.give_one(item=items.given(prediction_id=record.pk, **truth), by=by)


def lines(model: Any, by: Any, format: str) -> str:
    return b"".join(exporting.export(model=model, by=by, format=format)).decode()


def test_json_lines_hold_facts_truth_and_input(ada: Any, tabular: ModelVersion, predicted: Predicted) -> None:
    tell(ada, predicted(tabular, "yes", input={"instances": [[1.5, "red"]]}), label="no")
    tell(ada, predicted(tabular, "yes", input={"dataframe_records": [{"=colour": "blue"}]}), label="yes")
    tell(ada, predicted(tabular, "yes", input=None), label="yes")

    rows = [json.loads(line) for line in lines(tabular.model, ada, "jsonl").splitlines()]

    assert [row["input"] for row in rows] == [
        {"size": 1.5, "=colour": "red"}, {"size": None, "=colour": "blue"}, None,
    ]  # fmt: skip
    assert [(row["predicted"], row["truth"], row["version"]) for row in rows] == [
        ("yes", "no", 1), ("yes", "yes", 1), ("yes", "yes", 1),
    ]  # fmt: skip


def test_csv_has_a_column_for_each_input_and_no_formula(ada: Any, tabular: ModelVersion, predicted: Predicted) -> None:
    tell(ada, predicted(tabular, "yes", input={"instances": [[-1.5, "=cmd()"]]}), label="no")

    heading, row = csv.reader(io.StringIO(lines(tabular.model, ada, "csv")))

    assert heading[-2:] == ["input.size", "input.=colour"]
    assert row[-2:] == ["-1.5", "'=cmd()"]
    assert row[heading.index("truth")] == "no"


def test_each_row_of_a_batch_comes_with_its_own_input(ada: Any, tabular: ModelVersion, predicted: Predicted) -> None:
    record = predicted(
        tabular, instance_count=2, input={"instances": [[1.0, "red"], [2.0, "blue"]]},
        output={"predictions": ["yes", "no"], "probabilities": None},
    )  # fmt: skip
    tell(ada, record, label="yes", index=1)

    (row,) = [json.loads(line) for line in lines(tabular.model, ada, "jsonl").splitlines()]

    assert (row["index"], row["input"]) == (1, {"size": 2.0, "=colour": "blue"})


def test_only_the_last_word_comes_and_in_chunks(
    ada: Any, tabular: ModelVersion, predicted: Predicted, monkeypatch: Any, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(exporting, "CHUNK", 3)
    for at in range(7):
        record = predicted(tabular, input={"instances": [[float(at), "red"]]})
        tell(ada, record, label="no")
        tell(ada, record, label="yes")

    with django_assert_max_num_queries(16):
        rows = [json.loads(line) for line in lines(tabular.model, ada, "jsonl").splitlines()]

    assert [row["input"]["size"] for row in rows] == [float(at) for at in range(7)]
    assert {row["truth"] for row in rows} == {"yes"}


def test_an_export_takes_the_right_to_the_data_and_is_audited_before_the_first_line(
    ada: Any, bob: Any, tabular: ModelVersion
) -> None:
    with pytest.raises(Forbidden):
        exporting.export(model=tabular.model, by=bob, format="csv")
    exporting.export(model=tabular.model, by=ada, format="csv")

    event = AuditEvent.objects.get(action="feedback.exported")
    assert (event.actor_id, event.details) == (ada.pk, {"format": "csv"})


def test_without_feedback_there_is_a_heading(ada: Any, tabular: ModelVersion) -> None:
    assert lines(tabular.model, ada, "jsonl") == ""
    assert lines(tabular.model, ada, "csv").startswith('"prediction_id"')
