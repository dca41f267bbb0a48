"""Explanations as a client and as people see them: a real upload, the real sandbox, the real doors."""

import io
import json
from typing import Any

import joblib
import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accounts import services as accounts_services
from inference import jobs
from inference.explaining import shelf
from inference.validation import sandbox
from monitoring import spool
from monitoring.models import PredictionLog
from registry import artifacts, services
from registry.models import ModelVersion
from registry.recording import RecordPolicy

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("kept_verdicts"),
    pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox"),
]
ROWS = [[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0], [-1.0, 0.0], [0.0, -1.0]]
LABELS = ["no", "yes", "no", "yes", "no", "yes"]
TEXTS = ["the server is down", "server down again", "lunch at noon", "free lunch today", "lunch"]


@pytest.fixture
def live(ada: Any) -> Any:
    """Uploads, validates and activates a fitted model."""

    def make(model: Any, name: str = "toy", **options: Any) -> ModelVersion:
        file = io.BytesIO()
        joblib.dump(model, file)
        file.seek(0)
        version = services.upload_version(by=ada, name=name, file=file, **options)
        assert jobs.validate_next()
        version.refresh_from_db()
        assert version.status == "ready", version.failure
        services.activate(version=version, by=ada)
        return version

    shelf.clear()
    return make


@pytest.fixture
def ask(client: Any, ada: Any) -> Any:
    key = accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=["predict", "read"])[1]

    def ask(body: Any, name: str = "toy") -> tuple[int, dict[str, Any]]:
        response = client.post(
            f"/api/v1/predict/{name}", json.dumps(body), content_type="application/json", headers={"X-API-Key": key}
        )
        return response.status_code, response.json()

    return ask


def let_look(*people: Any) -> None:
    """At the pages of predictions."""
    for person in people:
        person.is_staff = True
        person.save()
        person.user_permissions.add(Permission.objects.get(codename="view_predictionlog"))


def recorded() -> PredictionLog:
    while spool.ship_once():
        pass
    return PredictionLog.objects.latest("created_at")


def test_a_linear_model_says_which_column_moved_the_answer(live: Any, ask: Any) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    version = live(model)
    status, body = ask({"instances": [[3.0, 0.0], [0.0, 3.0]], "explain": True})

    told = body["explanation"]
    assert (status, body["predictions"], body["no_explanation"]) == (200, ["yes", "no"], None)
    assert version.explanation == {"method": "linear", "unit": "log-odds", "baseline": "training rows"}
    assert {name: told[name] for name in ("method", "unit", "baseline", "is_exact")} == {
        **version.explanation,
        "is_exact": True,
    }
    first, second = told["rows"]
    assert (first["of"], second["of"]) == ("yes", "no")
    assert [part["name"] for part in first["contributions"]] == ["feature_0", "feature_1"]
    assert [part["value"] for part in first["contributions"]] == [3.0, 0.0]
    assert first["margin"] == pytest.approx(model.decision_function([[3.0, 0.0]])[0])
    assert second["margin"] == pytest.approx(-model.decision_function([[0.0, 3.0]])[0])
    assert first["base"] + sum(part["contribution"] for part in first["contributions"]) == pytest.approx(
        first["margin"]
    )


def test_a_forest_says_so_too_and_is_read_from_disk_once(live: Any, ask: Any, monkeypatch: Any) -> None:
    live(RandomForestClassifier(10, random_state=0).fit(ROWS, LABELS))
    reads: list[Any] = []
    read = artifacts.read_verified
    monkeypatch.setattr(artifacts, "read_verified", lambda file: (reads.append(file.form), read(file))[1])
    bodies = [ask({"instances": [[3.0, 0.0]], "explain": True})[1] for _ in range(3)]

    assert {body["explanation"]["method"] for body in bodies} == {"tree_shap"}
    assert reads.count("explainer") == 1
    assert [body["from_cache"] for body in bodies][1:] == [bodies[1]["from_cache"]] * 2
    row = bodies[0]["explanation"]["rows"][0]
    assert row["margin"] == pytest.approx(max(bodies[0]["probabilities"][0]))


def test_a_text_model_names_its_words(live: Any, ask: Any) -> None:
    version = live(make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(TEXTS, [1, 1, 0, 0, 0]))
    body = ask({"instances": ["Server DOWN, no lunch"], "explain": True})[1]

    parts = {part["name"]: part["contribution"] for part in body["explanation"]["rows"][0]["contributions"]}
    assert version.runtime == "linear_text"
    assert set(parts) == {"server", "down", "lunch"}
    assert parts["server"] > 0 > parts["lunch"]


def test_who_does_not_ask_is_told_nothing_of_it(live: Any, ask: Any) -> None:
    live(LogisticRegression().fit(ROWS, LABELS))
    for body in ({"instances": [[1.0, 2.0]]}, {"instances": [[1.0, 2.0]], "explain": False}):
        assert not {"explanation", "no_explanation"} & set(ask(body)[1])


def test_a_model_that_is_no_sum_of_its_columns_answers_and_says_why_it_does_not_explain(live: Any, ask: Any) -> None:
    version = live(SVC().fit(ROWS, LABELS))
    status, body = ask({"instances": [[3.0, 0.0]], "explain": True})

    assert (status, body["predictions"], body["explanation"]) == (200, ["yes"], None)
    assert body["no_explanation"]["code"] == "not_covered"
    assert "SVC" in body["no_explanation"]["message"]
    assert version.explainer == ""


def test_a_version_validated_before_explanations_were_prepared_says_so(live: Any, ask: Any) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    ModelVersion.objects.filter(pk=version.pk).update(explainer="", explanation={})
    assert ask({"instances": [[3.0, 0.0]], "explain": True})[1]["no_explanation"]["code"] == "not_prepared"


def test_a_damaged_explainer_costs_the_explanation_and_not_the_answer(live: Any, ask: Any) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    artifacts.path_of(version.explainer).write_bytes(b"something else")
    status, body = ask({"instances": [[3.0, 0.0]], "explain": True})

    assert (status, body["predictions"]) == (200, ["yes"])
    assert body["no_explanation"]["code"] == "failed"


def test_more_rows_than_are_explained_are_refused(live: Any, ask: Any) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    services.change_model(model=version.model, by=version.model.owner, max_batch_rows=500)
    many = {"instances": [[1.0, 2.0]] * 101}

    assert ask(many)[0] == 200
    status, body = ask({**many, "explain": True})
    assert (status, body["error"]["code"]) == (413, "too_many_to_explain")
    assert body["error"]["details"] == {"rows": 101, "limit": 100}


@pytest.mark.parametrize("value", ["perhaps", 3, None, []])
def test_explain_is_true_or_false(live: Any, ask: Any, value: Any) -> None:
    live(LogisticRegression().fit(ROWS, LABELS))
    status, body = ask({"instances": [[1.0, 2.0]], "explain": value})
    assert status == 422
    assert "explain" in json.dumps(body["error"]["details"])


def test_the_explanation_is_recorded_where_the_input_is(live: Any, ask: Any) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    told = ask({"instances": [[3.0, 0.0]], "explain": True})[1]["explanation"]
    assert recorded().output["explanation"] == told

    for changes in (
        {"record_policy": RecordPolicy.OUTPUTS},
        {"record_policy": RecordPolicy.HASHED},
        {"record_policy": RecordPolicy.FULL, "record_redacted": ["feature_1"]},
    ):
        services.change_model(model=version.model, by=version.model.owner, **changes)
        ask({"instances": [[3.0, 1.0]], "explain": True})
        assert "explanation" not in recorded().output


def test_the_page_of_a_prediction_draws_it_for_those_who_may_read_the_data(
    live: Any, ask: Any, client: Any, ada: Any, bob: Any
) -> None:
    live(make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(TEXTS, [1, 1, 0, 0, 0]))
    ask({"instances": ["server <b>down</b>"], "explain": True})
    page = reverse("prediction", args=[recorded().pk])

    let_look(ada, bob)
    client.force_login(ada)
    shown = client.get(page).content.decode()
    assert "What moved the answer" in shown
    assert shown.count('class="p-for"') == 2
    client.force_login(bob)
    assert "What moved the answer" not in client.get(page).content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[3.0, 0.0], [0.0, 3.0]]},
        {"inputs": {"feature_1": [0.0], "feature_0": [3.0]}},
        {"dataframe_split": {"columns": ["feature_0", "feature_1"], "data": [[3.0, 0.0]]}},
    ],
)
def test_an_answer_is_explained_afterwards_too_once_somebody_asks(
    live: Any, ask: Any, client: Any, ada: Any, body: dict[str, Any]
) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    services.change_model(model=version.model, by=ada, record_batches=True)
    ask({"instances": [[3.0, 0.0]], "explain": True})
    at_once = reverse("prediction", args=[recorded().pk])
    ask(body)
    page = reverse("prediction", args=[recorded().pk])
    let_look(ada)
    client.force_login(ada)

    offered = client.get(page).content.decode()
    assert "?explain=1" in offered
    assert 'class="p-moves"' not in offered
    shown = client.get(page + "?explain=1").content.decode()
    assert "Worked out now" in shown
    assert _moves(shown) == _moves(client.get(at_once).content.decode())
    assert ("1 more row" in shown) == ("instances" in body)


def _moves(page: str) -> str:
    return page.split('<table class="p-moves">')[1].split("</table>")[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"record_policy": RecordPolicy.OUTPUTS},
        {"record_policy": RecordPolicy.HASHED},
        {"record_policy": RecordPolicy.FULL, "record_redacted": ["feature_1"]},
    ],
)
def test_what_was_not_kept_whole_is_not_explained_afterwards(
    live: Any, ask: Any, client: Any, ada: Any, changes: dict[str, Any]
) -> None:
    version = live(LogisticRegression().fit(ROWS, LABELS))
    services.change_model(model=version.model, by=ada, **changes)
    ask({"instances": [[3.0, 0.0]]})
    page = reverse("prediction", args=[recorded().pk])
    let_look(ada)
    client.force_login(ada)
    assert "What moved the answer" not in client.get(page + "?explain=1").content.decode()


def test_the_try_page_shows_it_or_says_why_not(live: Any, client: Any, ada: Any) -> None:
    ada.is_staff = True
    ada.save()
    client.force_login(ada)
    first = live(LogisticRegression().fit(ROWS, LABELS))
    shown = client.post(f"/admin/versions/{first.pk}/try/", {"cell_0": "3", "cell_1": "0"}).content.decode()
    assert "What moved the answer" in shown
    assert 'class="p-for"' in shown

    second = live(SVC().fit(ROWS, LABELS))
    shown = client.post(f"/admin/versions/{second.pk}/try/", {"cell_0": "3", "cell_1": "0"}).content.decode()
    assert "No explanation." in shown
    assert "SVC" in shown


def test_the_explainer_is_sealed_scrubbed_and_downloaded_like_other_files(live: Any, ada: Any) -> None:
    from registry import downloads

    version = live(LogisticRegression().fit(ROWS, LABELS))
    files = {file.form: file for file in version.stored_files()}
    assert set(files) == {"original", "compiled", "explainer"}
    assert files["explainer"].holds()
    with downloads.open_file(version, downloads.file_of(version, form="explainer", by=ada), by=ada) as opened:
        assert opened.read(11) == b"explanation"
