"""Predictions as a client sees them: the real viewset, a real ONNX model, the real spool."""

import json

import pytest

from accounts import services as accounts_services
from inference import records
from monitoring import spool
from monitoring.models import PredictionLog
from registry import services
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(ada):
    return accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=["predict", "read"])[1]


@pytest.fixture
def live(ada, served_version):
    version = served_version(offset=1000.0)
    services.activate(version=version, by=ada)
    return version


@pytest.fixture
def predict(client, key):
    """POSTs to the predict endpoint; returns (status, body, headers)."""

    def predict(body, ref="oracle", path="", credential=key, content_type="application/json"):
        content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        response = client.generic(
            "POST",
            f"/api/v1/predict/{ref}{path}",
            content,
            content_type=content_type,
            headers={"X-API-Key": credential} if credential else {},
        )
        return response.status_code, response.json(), response.headers

    return predict


def recorded():
    while spool.ship_once():
        pass
    return list(PredictionLog.objects.order_by("created_at"))


def test_an_answer_has_the_shape_of_the_contract(predict, live):
    status, body, headers = predict({"instances": [[1.5, 0], [2.5, 0]]})
    assert status == 200
    assert set(body) == {
        "prediction_id", "model", "version", "predictions", "probabilities", "classes", "confidence",
        "inference_time_ms", "from_cache", "degraded", "request_id",
    }  # fmt: skip
    assert (body["model"], body["version"], body["predictions"]) == ("oracle", 1, [1001.5, 1002.5])
    assert (body["probabilities"], body["classes"], body["confidence"]) == (None, None, None)
    assert (headers["X-Model-Version"], headers["X-Cache"], headers["X-Request-ID"]) == (
        "1",
        "miss",
        body["request_id"],
    )


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1.5, 2.0]]},
        {"instances": [{"x": 1.5, "y": 2.0}]},
        {"instances": [{"y": 2.0, "x": 1.5}]},
        {"inputs": {"y": [2.0], "x": [1.5]}},
        {"dataframe_split": {"columns": ["y", "x"], "data": [[2.0, 1.5]]}},
        {"dataframe_records": [{"y": 2.0, "x": 1.5}]},
    ],
)
def test_every_way_to_write_a_row_means_the_same(predict, live, body):
    assert predict(body)[1]["predictions"] == [1001.5]


@pytest.mark.parametrize("ref", ["oracle", "oracle@production", "oracle:1"])
@pytest.mark.parametrize("path", ["", "/", "/batch", "/batch/"])
def test_every_reference_and_path_leads_to_the_model(predict, live, ref, path):
    assert predict({"instances": [[1.0, 0.0]]}, ref=ref, path=path)[0] == 200


def test_the_same_question_is_answered_from_the_cache_unless_told_otherwise(predict, live):
    question = {"instances": [[7.0, 0.0]]}
    assert predict(question)[1]["from_cache"] is False
    _, body, headers = predict(question)
    assert (body["from_cache"], headers["X-Cache"], body["predictions"]) == (True, "hit", [1007.0])
    assert predict({**question, "use_cache": False})[2]["X-Cache"] == "bypass"
    assert [row.outcome for row in recorded()] == ["ok", "cached", "ok"]


def test_a_switched_version_never_answers_from_its_predecessors_cache(predict, live, ada, served_version):
    question = {"instances": [[7.0, 0.0]]}
    predict(question)
    services.activate(version=served_version(offset=2000.0), by=ada)
    assert (predict(question)[1]["version"], predict(question)[1]["predictions"]) == (2, [2007.0])
    services.rollback(model=live.model, by=ada)
    assert predict(question)[1]["predictions"] == [1007.0]


BAD_INPUTS = [
    ({"instances": [{"x": 1.0}]}, 422, "missing_column"),
    ({"instances": [{"x": 1.0, "y": 1.0, "z": 1.0}]}, 422, "unknown_column"),
    ({"instances": [["a", 1.0]]}, 422, "wrong_type"),
    ({"instances": [[True, 1.0]]}, 422, "wrong_type"),
    ({"instances": [[None, 1.0]]}, 422, None),
    ({"instances": [[{}, 1.0]]}, 422, "wrong_type"),
    ('{"instances": [[NaN, 1.0]]}', 400, None),
    ('{"instances": [[Infinity, 1.0]]}', 400, None),
    ('{"instances": [[1e309, 1.0]]}', 422, "non_finite"),
    ('{"instances": [[1' + "0" * 400 + ", 1.0]]}", 422, None),
    ({"instances": []}, 422, "empty_batch"),
    ({"instances": [[]]}, 422, None),
    ({"instances": [[1.0]]}, 422, "wrong_width"),
    ({"instances": [[1.0, 2.0, 3.0]]}, 422, "wrong_width"),
    ({"instances": [[1.0, 2.0], [1.0]]}, 422, None),
    ({"instances": 5}, 422, None),
    ({"instances": None}, 422, None),
    ({"inputs": {"x": [1.0, 2.0], "y": [1.0]}}, 422, None),
    ({}, 422, "validation_failed"),
    ({"instances": [[1.0, 2.0]], "inputs": {}}, 422, "validation_failed"),
    ({"instances": [[1.0, 2.0]], "colour": "red"}, 400, "unknown_field"),
    ({"instances": [[1.0, 2.0]], "use_cache": "perhaps"}, 422, "validation_failed"),
    ("", 422, "validation_failed"),
    ("[]", 400, "object_required"),
    ("null", 400, "object_required"),
    ('{"instances": [[1.0, 2.0]]', 400, None),
    ('{"instances": [[1.0, 2.0]], "instances": [[3.0, 4.0]]}', 400, "duplicate_key"),
    ('{"instances": ' + "[" * 100_000 + "]" * 100_000 + "}", 400, "json_depth"),
    ('{"instances": ["\\ud800"]}', 422, None),
    (b'{"instances": [["\xff", 1.0]]}', 400, None),
    ({"instances": [[1.0, 2.0]] * 101}, 413, "batch_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_INPUTS)
def test_a_bad_input_gets_a_clear_refusal_and_is_recorded(predict, live, body, status, code):
    got, answer, _ = predict(body)
    assert got == status, answer
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "message", "details", "request_id"}
    assert answer["error"]["message"]
    if code:
        assert answer["error"]["code"] == code
    [row] = recorded()
    assert (row.outcome, row.error_code) == ("invalid", answer["error"]["code"])


def test_a_wrong_cell_is_named_by_row_and_column(predict, live):
    _, body, _ = predict({"instances": [{"x": 1.0, "y": 2.0}, {"x": 1.0, "y": "two"}]})
    details = body["error"]["details"]
    assert (details["row"], details["column"]) == (1, "y")
    assert details["path"] == "instances[1].y"


def test_the_largest_batch_passes_and_one_row_more_names_the_cap(predict, live):
    assert predict({"instances": [[1.0, 2.0]] * 100})[0] == 200
    status, body, _ = predict({"instances": [[1.0, 2.0]] * 101}, path="/batch")
    assert (status, body["error"]["details"]) == (413, {"rows": 101, "limit": 100})


def test_other_content_types_are_turned_away(predict, live):
    for content_type in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=zlib",
    ):
        assert predict({"instances": [[1.0, 2.0]]}, content_type=content_type)[0] == 415


def test_without_a_credential_there_is_no_answer_and_no_row(predict, live):
    assert predict({"instances": [[1.0, 2.0]]}, credential=None)[0] == 401
    assert predict({"instances": [[1.0, 2.0]]}, credential="mlp_wrong_wrong")[0] == 401
    assert recorded() == []


def test_a_key_limited_to_other_models_does_not_see_this_one(predict, live, ada):
    _, other = accounts_services.create_key(by=ada, owner=ada, name="other", scopes=["predict"], model_names=["else"])
    assert predict({"instances": [[1.0, 2.0]]}, credential=other)[0] == 404


def test_another_owners_private_model_is_unknown(predict, live, bob):
    _, stranger = accounts_services.create_key(by=bob, owner=bob, name="bob", scopes=["predict"])
    ghost = predict({"instances": [[1.0, 2.0]]}, ref="ghost", credential=stranger)
    hidden = predict({"instances": [[1.0, 2.0]]}, credential=stranger)
    assert ghost[0] == hidden[0] == 404
    assert ghost[1]["error"]["code"] == hidden[1]["error"]["code"]


def test_a_model_with_nothing_live_says_so(predict, served_version):
    served_version()
    status, body, _ = predict({"instances": [[1.0, 2.0]]})
    assert (status, body["error"]["code"]) == (409, "no_active_version")


def test_a_damaged_file_is_our_fault_and_says_nothing_of_paths(predict, live, var_dir):
    next((var_dir / "models").rglob("*.onnx")).write_bytes(b"damaged")
    status, body, _ = predict({"instances": [[1.0, 2.0]]})
    assert (status, body["error"]["code"]) == (503, "digest_mismatch")
    assert str(var_dir) not in json.dumps(body)
    assert [row.outcome for row in recorded()] == ["error"]


def test_the_record_keeps_what_the_models_policy_says(predict, live, ada):
    question = {"instances": [[1.0, 2.0]], "subject_id": "patient-7", "use_cache": False}
    predict(question)
    services.change_model(model=live.model, by=ada, record_policy="outputs")
    predict(question)
    services.change_model(model=live.model, by=ada, record_policy="none")
    predict(question)
    full, outputs, none = recorded()
    assert (full.input, full.output["predictions"], full.subject_id) == (
        {"instances": [[1.0, 2.0]]},
        [1001.0],
        "patient-7",
    )
    assert (outputs.input, outputs.output["predictions"]) == (None, [1001.0])
    assert (none.input, none.output) == (None, None)
    assert {row.user_id for row in (full, outputs, none)} == {ada.pk}
    assert full.latency_ms > 0


SECRET = 4711.0625
FORMS = [
    {"instances": [[SECRET, 2.0]]},
    {"instances": [{"x": SECRET, "y": 2.0}]},
    {"inputs": {"x": [SECRET], "y": [2.0]}},
    {"dataframe_split": {"columns": ["y", "x"], "data": [[2.0, SECRET]]}},
    {"dataframe_records": [{"x": SECRET, "y": 2.0}]},
    {"instances": [[SECRET, 2.0, 3.0]]},  # refused, and recorded as such
    {"instances": {"x": SECRET}},
]


@pytest.mark.parametrize("question", FORMS, ids=str)
@pytest.mark.parametrize(
    "policy",
    [
        {"record_redacted": ["x"]},
        {"record_redacted": ["x"], "record_batches": True},
        {"record_policy": "hashed"},
        {"record_policy": "hashed", "record_redacted": ["y"]},
        {"record_policy": "outputs"},
        {"record_policy": "none"},
        {"record_sample_rate": 0.0},
    ],
    ids=str,
)
def test_what_the_policy_keeps_back_is_written_nowhere(predict, live, ada, var_dir, question, policy):
    services.change_model(model=live.model, by=ada, **policy)
    status, _, _ = predict(question)
    assert status in (200, 400, 422)
    spooled = b"".join(path.read_bytes() for path in (var_dir / "spool").rglob("*") if path.is_file())
    assert spooled.count(b"\n") == 1
    assert b"4711.0625" not in spooled
    [row] = recorded()
    assert "4711.0625" not in json.dumps(row.input)


def test_equal_inputs_have_equal_hashes_that_a_guess_without_the_key_does_not_give(predict, live, ada, settings):
    services.change_model(model=live.model, by=ada, record_policy="hashed")
    for x in (1.0, 2.0, 1.0):
        predict({"instances": [[x, 0.0]], "use_cache": False})
    settings.SECRET_KEY = "another"
    predict({"instances": [[1.0, 0.0]], "use_cache": False})
    one, two, again, elsewhere = (row.input["hmac_sha256"] for row in recorded())
    assert one == again
    assert len({one, two, elsewhere}) == 3
    assert all(row.output["predictions"] for row in recorded())


def test_a_sample_of_the_requests_keeps_its_data_and_every_request_its_facts(predict, live, ada, monkeypatch):
    services.change_model(model=live.model, by=ada, record_sample_rate=0.25)
    draws = iter([0.1, 0.25, 0.9])
    stand_in(monkeypatch, records, "random", random=lambda: next(draws))
    for x in (1.0, 2.0, 3.0):
        predict({"instances": [[x, 0.0]]})
    rows = recorded()
    assert [row.input is not None for row in rows] == [True, False, False]
    assert [row.output is not None for row in rows] == [True, False, False]
    assert [row.outcome for row in rows] == ["ok"] * 3


def test_batches_are_counted_in_rows_and_recorded_without_their_contents(predict, live):
    predict({"instances": [[1.0, 2.0]] * 7})
    [row] = recorded()
    assert (row.instance_count, row.input, row.output) == (7, None, None)


def test_the_answers_id_is_the_records_id(predict, live):
    _, body, _ = predict({"instances": [[1.0, 2.0]]})
    assert [str(row.pk) for row in recorded()] == [body["prediction_id"]]
