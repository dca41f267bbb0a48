"""Two versions of a model side by side."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from inference.admin_compare_pairs import Pair
from monitoring.models import Outcome, Resolution, Rollup
from registry import services
from registry.models import ModelVersion
from tests import toys

pytestmark = pytest.mark.django_db


def signed_in(user: Any) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(ada: Any) -> Client:
    return signed_in(ada)


def golden(*answers: float) -> dict[str, Any]:
    rows = [[float(at), 0.0] for at in range(len(answers))]
    return {"instances": rows, "predictions": list(answers), "probabilities": None}


def page_of(version: ModelVersion) -> str:
    return f"/admin/models/{version.model_id}/compare/"


def differing(pairs: list[Pair]) -> list[str]:
    return [pair.label for pair in pairs if pair.differs]


def test_what_is_live_is_compared_with_the_newest_other_version(client, ada, served_version):
    first = served_version()
    served_version(offset=2.0)
    served_version(offset=3.0)
    services.activate(version=first, by=ada)
    context = client.get(page_of(first)).context
    assert (context["first"].number, context["second"].number) == (1, 3)
    chosen = client.get(page_of(first), {"first": "3", "second": "2"}).context
    assert (chosen["first"].number, chosen["second"].number) == (3, 2)
    wrong = client.get(page_of(first), {"first": "x", "second": "1"}).context
    assert (wrong["first"].number, wrong["second"].number) == (1, 3)


def test_one_version_alone_is_not_compared(client, served_version):
    version = served_version()
    answer = client.get(page_of(version))
    assert answer["Location"] == f"/admin/registry/registeredmodel/{version.model_id}/change/"
    assert "only one version" in str(next(iter(get_messages(answer.wsgi_request))))


def test_differences_of_signature_metrics_and_costs_are_marked(client, ada, served_version):
    first = served_version(memory_bytes=10_000)
    inputs = [
        {"name": "x", "dtype": "int64", "shape": [-1]},
        {"name": "z", "dtype": "string", "shape": [-1], "one_of": ["a", "b"]},
    ]
    second = served_version(signature={**toys.ORACLE_SIGNATURE, "inputs": inputs, "classes": ["no"]}, memory_bytes=5)
    services.describe_version(version=first, by=ada, metrics={"auc": 0.9, "f1": 0.5})
    services.describe_version(version=second, by=ada, metrics={"auc": 0.95, "f1": 0.5, "recall": 1})
    context = client.get(page_of(first), {"first": 1, "second": 2}).context
    told = [(pair.label, pair.first, pair.second) for pair in context["inputs"]]
    assert told == [
        ("x", "0: number (float32)", "0: whole number (int64)"),
        ("z", "", "1: one of a, b"),
        ("y", "1: number (float32)", ""),
    ]
    assert [(pair.label, pair.note) for pair in context["metrics"]] == [("auc", "+0.05"), ("f1", ""), ("recall", "")]
    assert differing(context["metrics"]) == ["auc", "recall"]
    assert differing(context["facts"]) == ["Memory"]
    assert [(pair.label, pair.first, pair.second) for pair in context["classes"]] == [("no", "", "yes")]


def test_answers_to_shared_golden_rows_stand_side_by_side(client, served_version):
    first = served_version(golden=golden(1.0, 2.0))
    served_version(offset=2.0, golden=golden(1.0, 5.0, 9.0))
    context = client.get(page_of(first), {"first": 1, "second": 2}).context
    assert [(pair.first, pair.second) for pair in context["golden"]] == [("1", "1"), ("2", "5")]


def test_both_are_asked_the_golden_rows_of_either(client, served_version):
    first = served_version(offset=1.0, golden=golden(1.0, 2.0))
    served_version(offset=2.0, golden=golden(0.0))
    answer = client.post(page_of(first) + "?first=1&second=2")
    assert [(pair.first, pair.second) for pair in answer.context["examples"]] == [("1", "2"), ("2", "3")]
    assert "2 of 2 golden rows differently" in answer.content.decode()


def test_a_version_that_takes_other_inputs_says_so(client, served_version):
    first = served_version(golden=golden(1.0))
    inputs = [{"name": name, "dtype": "float32", "shape": [-1]} for name in "xyz"]
    served_version(signature={**toys.ORACLE_SIGNATURE, "inputs": inputs}, golden=golden(1.0))
    answer = client.post(page_of(first) + "?first=1&second=2")
    assert "t take the same inputs" in answer.context["asked"]["problem"]
    assert 'role="alert"' in answer.content.decode()


def test_the_last_week_is_shown_to_those_who_may_see_it(client, root, served_version):
    first, second = served_version(), served_version(offset=2.0)
    now = timezone.now()
    for version, outcome, requests in ((first, Outcome.OK, 3), (first, Outcome.ERROR, 1), (second, Outcome.OK, 2)):
        Rollup.objects.create(
            model=version.model, version=version, outcome=outcome, resolution=Resolution.HOUR,
            start=now.replace(minute=0, second=0, microsecond=0), requests=requests, instances=requests,
            latency_sum_ms=2.0 * requests, latency_histogram="",
        )  # fmt: skip
    assert client.get(page_of(first)).context["traffic"] is None
    sides = signed_in(root).get(page_of(first), {"first": 1, "second": 2}).context["traffic"]
    assert [(side.requests, side.error_percent) for side in sides] == [(4, 25.0), (2, 0.0)]


def test_a_strange_person_and_a_forged_form_get_nothing(ada, served_version):
    first = served_version(golden=golden(1.0))
    served_version(golden=golden(1.0))
    assert "/admin/login/" in Client().get(page_of(first))["Location"]
    signed_in(ada)
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(ada)
    assert forger.post(page_of(first)).status_code == 403


def test_the_page_asks_as_often_for_many_versions_as_for_two(client, served_version, django_assert_max_num_queries):
    first = served_version()
    served_version(offset=2.0)
    client.get(page_of(first))
    with django_assert_max_num_queries(40) as few:
        client.get(page_of(first))
    for number in range(3, 8):
        served_version(offset=float(number))
    with django_assert_max_num_queries(len(few)):
        client.get(page_of(first))
