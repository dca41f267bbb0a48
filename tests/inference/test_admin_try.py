"""The try-it page: a form from the signature, an answer as a client gets it."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inference import model_cache, predictor
from monitoring import spool
from monitoring.models import PredictionLog
from registry import services
from registry.models import ModelVersion
from tests import toys

pytestmark = pytest.mark.django_db

GOLDEN = {"instances": [[1.5, 2.0], {"x": 7.0, "y": 0.0}], "predictions": [2.5, 8.0], "probabilities": None}


def signed_in(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(ada: Any) -> Client:
    return signed_in(ada)


def page_of(version: ModelVersion) -> str:
    return f"/admin/versions/{version.pk}/try/"


def shape(**changes: Any) -> dict[str, Any]:
    return {**toys.ORACLE_SIGNATURE, **changes}


def test_the_form_has_a_field_for_each_input_and_a_row_the_version_knows(client, served_version):
    version = served_version(golden=GOLDEN)
    form = client.get(page_of(version)).context["form"]
    assert [field.label for field in form if field.name != "fresh"] == ["x", "y"]
    assert [form.fields[name].initial for name in ("cell_0", "cell_1")] == ["1.5", "2.0"]
    second = client.get(page_of(version) + "?row=1").context
    assert second["form"].fields["cell_0"].initial == "7.0"
    assert second["validated"] == 8.0


@pytest.mark.parametrize("row", ["-1", "2", "99", "x", "²", ""])
def test_a_row_that_is_not_there_is_the_first_one(client, served_version, row):
    assert client.get(page_of(served_version(golden=GOLDEN)), {"row": row}).context["chosen"] == 0


def test_a_version_that_is_not_live_answers_and_the_call_is_recorded_as_its_owners(client, ada, served_version):
    version = served_version(offset=100.0)
    answer = client.post(page_of(version), {"cell_0": "1.5", "cell_1": "-2"})
    assert answer.context["told"].first == 101.5
    assert "101.5" in answer.content.decode()
    while spool.ship_once():
        pass
    record = PredictionLog.objects.get()
    assert (record.user_id, record.version_id, record.outcome) == (ada.pk, version.pk, "ok")
    assert record.input == {"instances": [{"x": 1.5, "y": -2}]}


def test_what_loading_takes_is_no_part_of_the_first_call(client, served_version, monkeypatch):
    version = served_version()
    held: list[list[int]] = []
    predict = predictor.predict

    def watched(**asked: Any) -> Any:
        held.append([loaded.served.version_id for loaded in model_cache.cache.snapshot()])
        return predict(**asked)

    monkeypatch.setattr(predictor, "predict", watched)
    assert client.post(page_of(version), {"cell_0": "1.5", "cell_1": "-2"}).context["told"]
    assert held == [[version.pk]]


def test_the_second_same_call_comes_from_the_cache_unless_asked_otherwise(client, served_version):
    version = served_version()
    values = {"cell_0": "1", "cell_1": "2"}
    states = [client.post(page_of(version), values).context["told"].answer.cache for _ in range(2)]
    fresh = client.post(page_of(version), {**values, "fresh": "on"}).context["told"].answer.cache
    assert (*states, fresh) == ("miss", "hit", "bypass")


@pytest.mark.parametrize(
    ("cells", "field", "words"),
    [
        ({"cell_0": "abc", "cell_1": "1"}, "cell_0", "Expected a number, got 'abc'"),
        ({"cell_0": "1", "cell_1": "1,5"}, "cell_1", "Expected a number, got '1,5'"),
        ({"cell_0": "1", "cell_1": ""}, "cell_1", "A value is required."),
        ({"cell_0": "1e999", "cell_1": "1"}, "cell_0", "Expected a number"),
        ({"cell_0": "1e39", "cell_1": "1"}, "cell_0", "too large"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_what_was_typed_stays(client, served_version, cells, field, words):
    answer = client.post(page_of(served_version()), cells)
    assert answer.status_code == 200
    assert answer.context["told"] is None
    assert words in " ".join(answer.context["form"].errors[field])
    assert answer.context["form"][field].value() == cells[field]


def test_the_code_to_copy_carries_the_values_that_were_tried(client, ada, served_version):
    version = served_version()
    code = client.post(page_of(version), {"cell_0": "41", "cell_1": "0"}).context
    assert "/predict/oracle:1 " in code["curl"]
    assert '{"x": 41, "y": 0}' in code["curl"]
    assert "'x': 41" in code["python"]
    services.activate(version=version, by=ada)
    assert "/predict/oracle " in client.get(page_of(version)).context["curl"]


def test_several_rows_are_tried_as_json(client, served_version):
    version = served_version()
    address = page_of(version) + "?as=json"
    told = client.post(address, {"instances": "[[1, 0], [2, 0]]"}).context["told"]
    assert [said for _, said, _ in told.lines] == [2.0, 3.0]
    for text, words in [("[[1]]", "the model takes 2"), ("{}", "list of rows"), ("[[1,", "JSON")]:
        errors = client.post(address, {"instances": text}).context["form"].errors
        assert words in errors["instances"][0]


def test_a_model_with_many_inputs_is_asked_by_json(client, served_version):
    inputs = [{"name": f"f{at}", "dtype": "float32", "shape": [-1]} for at in range(61)]
    version = served_version(signature=shape(inputs=inputs))
    context = client.get(page_of(version)).context
    assert list(context["form"].fields) == ["instances", "fresh"]
    assert context["may_use_fields"] is False


def test_each_kind_of_input_gets_a_field_of_its_kind(client, served_version):
    inputs = [
        {"name": "city", "dtype": "string", "shape": [-1], "one_of": ["Rome", "Oslo"]},
        {"name": "level", "dtype": "int64", "shape": [-1], "one_of": [1, 2]},
        {"name": "is_new", "dtype": "bool", "shape": [-1]},
        {"name": "words", "dtype": "string", "shape": [-1]},
        {"name": "count", "dtype": "int64", "shape": [-1]},
    ]
    feeds = [{"name": "X", "dtype": "string", "columns": [0, 1, 2, 3, 4], "shape": [-1, 5]}]
    golden = {**GOLDEN, "instances": [["Oslo", 2, False, "a", 4]], "predictions": [0.0]}
    version = served_version(signature=shape(inputs=inputs, feeds=feeds), golden=golden)
    form = client.get(page_of(version)).context["form"]
    kinds = [type(form.fields[f"cell_{at}"]).__name__ for at in range(5)]
    assert kinds == ["ChoiceField", "ChoiceField", "ChoiceField", "CharField", "CharField"]
    assert [form.fields[f"cell_{at}"].initial for at in range(5)] == ['"Oslo"', "2", "false", "a", "4"]
    bound = type(form)(
        {"cell_0": '"Rome"', "cell_1": "1", "cell_2": "true", "cell_3": "12", "cell_4": "5"},
        signature=form._signature,
        example=golden["instances"][0],
    )
    assert bound.is_valid()
    assert bound.rows() == [{"city": "Rome", "level": 1, "is_new": True, "words": "12", "count": 5}]


def test_a_tensor_is_written_as_json(client, served_version):
    inputs = [{"name": "X", "dtype": "float32", "shape": [-1, 2]}]
    feeds = [{"name": "X", "dtype": "float32", "columns": [0], "shape": [-1, 2]}]
    version = served_version(signature=shape(handler="tensor", inputs=inputs, feeds=feeds))
    services.change_model(model=version.model, by=version.created_by, handler="tensor")
    assert client.get(page_of(version)).context["form"].fields["cell_0"].initial == "[0.5, 0.5]"
    assert client.post(page_of(version), {"cell_0": "[3, 4]"}).context["told"].first == 4.0
    wrong = client.post(page_of(version), {"cell_0": "[3]"}).context["form"].errors
    assert "Expected 2 entries, got 1" in wrong["cell_0"][0]


def test_what_a_model_calls_its_inputs_and_classes_is_shown_and_never_run(client, served_version):
    hostile = "<img src=x onerror=alert(1)>"
    inputs = [{"name": name, "dtype": "float32", "shape": [-1]} for name in (hostile, "y")]
    version = served_version(signature=shape(inputs=inputs))
    body = client.get(page_of(version)).content.decode()
    assert hostile not in body
    assert "&lt;img src=x onerror=alert(1)&gt;" in body


def test_a_version_that_cannot_serve_is_not_tried(client, ada, toy_file):
    version = services.upload_version(by=ada, name="toy", file=toy_file)
    answer = client.get(page_of(version))
    assert answer["Location"] == f"/admin/registry/modelversion/{version.pk}/change/"


def test_a_model_that_fails_is_told_without_its_inner_words(client, served_version, monkeypatch):
    def broken(**facts: Any) -> None:
        raise RuntimeError("secret path")

    version = served_version()
    monkeypatch.setattr(predictor, "predict", broken)
    answer = client.post(page_of(version), {"cell_0": "1", "cell_1": "2"})
    assert answer.status_code == 200
    assert "secret path" not in answer.content.decode()
    assert "The log tells more" in " ".join(answer.context["form"].non_field_errors())


def test_only_staff_who_are_signed_in_may_try_and_a_forged_form_is_refused(ada, served_version):
    version = served_version()
    assert "/admin/login/" in Client().get(page_of(version))["Location"]
    signed_in(ada)
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(ada)
    assert forger.post(page_of(version), {"cell_0": "1", "cell_1": "2"}).status_code == 403
    assert signed_in(ada).get("/admin/versions/999/try/").status_code == 404


def test_the_page_has_no_script_of_its_own(client, served_version):
    body = client.get(page_of(served_version())).content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", body) == []
