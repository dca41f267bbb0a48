"""Two versions side by side."""

import pytest

from accounts import services as accounts_services
from inference import comparing
from registry import services
from tests import toys

pytestmark = pytest.mark.django_db(transaction=True)


def golden(offset, rows=((1.0, 0.0), (2.0, 5.0))):
    return {"instances": [list(row) for row in rows], "predictions": [row[0] + offset for row in rows],
            "probabilities": None}  # fmt: skip


@pytest.fixture
def pair(served_version):
    """Two versions that differ by a little, with one golden row in common."""
    first = served_version(offset=1.0, golden=golden(1.0))
    second = served_version(offset=1.5, golden=golden(1.5, rows=((2.0, 5.0), (7.0, 0.0))))
    return first, second


def line(lines, name):
    return next(line for line in lines if line["name"] == name)


def test_both_versions_are_asked_the_golden_rows_of_either(pair):
    told = comparing.compare(*pair)["golden"]
    assert (told["rows"], told["different"], told["problem"]) == (3, 3, "")
    # Relative to the first version's answer, as parity measures it.
    assert told["max_difference"] == pytest.approx(0.25, rel=0.02)
    assert told["examples"][0] == {"instance": [1.0, 0.0], "predictions": [2.0, 2.5]}


def test_versions_that_answer_alike_have_no_differences(served_version):
    pair = [served_version(offset=1.0, golden=golden(1.0)) for _ in range(2)]
    told = comparing.compare(*pair)["golden"]
    assert (told["rows"], told["different"], told["max_difference"], told["examples"]) == (2, 0, 0.0, [])


def test_a_version_with_other_inputs_is_not_asked_and_the_reason_is_told(pair, served_version):
    other = {**toys.ORACLE_SIGNATURE, "inputs": [{"name": "z", "dtype": "float32", "shape": [-1]}]}
    other["feeds"] = [{"name": "X", "dtype": "float32", "columns": [0], "shape": [-1, 1]}]
    narrow = served_version(signature=other, golden=None)
    compared = comparing.compare(pair[0], narrow)
    assert "don't take the same inputs" in compared["golden"]["problem"]
    names = {line["name"]: line["same"] for line in compared["signature"] if line["part"] == "input"}
    assert names == {"x": False, "y": False, "z": False}


def test_an_archived_version_is_compared_by_what_is_recorded(ada, pair):
    archived = services.archive_version(version=pair[1], by=ada)
    compared = comparing.compare(pair[0], archived)
    assert "can't be served" in compared["golden"]["problem"]
    assert line(compared["facts"], "status")["values"] == ["ready", "archived"]


def test_metrics_are_set_side_by_side_with_their_change(ada, pair):
    one = services.describe_version(version=pair[0], by=ada, metrics={"r2": 0.5, "mae": 2.0})
    other = services.describe_version(version=pair[1], by=ada, metrics={"r2": 0.75})
    lines = comparing.compare(one, other)["metrics"]
    assert line(lines, "r2") == {"name": "r2", "values": [0.5, 0.75], "same": False, "dataset": "", "change": 0.25}
    assert line(lines, "mae")["values"] == [2.0, None]
    assert line(lines, "mae")["change"] is None


def test_the_traffic_of_each_version_comes_from_the_rollups(pair):
    from django.utils import timezone

    from monitoring.models import Outcome, Resolution, Rollup

    start = timezone.now().replace(minute=0, second=0, microsecond=0)
    Rollup.objects.create(
        resolution=Resolution.HOUR, start=start, model=pair[1].model, version=pair[1], outcome=Outcome.OK,
        requests=4, instances=4, latency_sum_ms=8.0, latency_histogram="",
    )  # fmt: skip
    traffic = comparing.compare(*pair)["traffic"]
    assert (traffic[0]["requests"], traffic[0]["mean_ms"]) == (0, None)
    assert (traffic[1]["requests"], traffic[1]["mean_ms"]) == (4, 2.0)


def test_the_api_compares_two_versions_and_wants_exactly_two(ada, bob, client, pair):
    def get(query, user=ada):
        key = accounts_services.create_key(by=user, owner=user, name="c", scopes=["read"])[1]
        return client.get(f"/api/v1/models/oracle/compare{query}", headers={"X-API-Key": key})

    body = get("?versions=1,2").json()
    assert (body["model"], body["versions"], body["golden"]["different"]) == ("oracle", [1, 2], 3)
    assert [get(query).status_code for query in ("", "?versions=1", "?versions=1,x", "?versions=1,2,3")] == [400] * 4
    assert get("?versions=1,9").status_code == 404
    assert get("?versions=1,2", user=bob).status_code == 404
