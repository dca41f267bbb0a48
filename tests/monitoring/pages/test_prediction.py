"""The page of one prediction: what it says, and to whom."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from monitoring import panels, spool
from monitoring.models import PredictionLog
from monitoring.pages.prediction import pieces
from monitoring.panels import Panel
from registry.models import Deployment

pytestmark = pytest.mark.django_db
ATTACK = "</title><script>alert(1)</script><img src=x onerror=alert(2)>"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reader(root: Any) -> Client:
    return signed_in(root)


@pytest.fixture
def page(reader: Client, record: Any) -> Any:
    """Records one request and opens its page."""

    def open(by: Client | None = None, **values: Any) -> str:
        kept = record(**values)
        spool.append(kept)
        spool.ship_once()
        answer = (by or reader).get(reverse("prediction", args=[kept["id"]]))
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        return str(answer.content.decode())

    return open


def with_rights(email: str, *names: str) -> User:
    person = User.objects.create_user(email, "correct horse battery", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    return person


def test_it_says_what_was_answered_by_what_and_how_long_it_took(page: Any, toy_version: Any) -> None:
    toy_version.signature = {"inputs": [{"name": "age"}, {"name": "height"}], "classes": ["no", "yes"]}
    toy_version.save()
    Deployment.objects.create(
        model=toy_version.model, version=toy_version, action="activate", by=toy_version.created_by, note="Because.",
        activated_at=toy_version.created_at,
    )  # fmt: skip
    text = page(latency_ms=4.0, inference_ms=1.0, output={"predictions": ["yes"], "probabilities": [[0.2, 0.8]]})
    for words in ("toy:1", "Answered", "4.00 ms in all", "In the model: 1.00 ms", "3.00 ms", "80.00 %", "Because."):
        assert words in text, words
    assert "<dt>height</dt><dd>2</dd>" in text
    assert text.index("yes</p>") < text.index("20.00 %")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"outcome": "cached", "inference_ms": 0.0}, "came from the cache"),
        ({"outcome": "fallback", "error_code": "deadline_exceeded"}, "owner’s fixed answer"),
        ({"outcome": "invalid", "status_code": 422, "error_code": "wrong_type", "output": None}, "wrong_type"),
        ({"outcome": "timeout", "status_code": 504, "output": None, "version_id": None}, "before the deadline"),
        ({"outcome": "error", "user_id": None, "key_id": str(uuid.uuid4()), "output": None}, "a key that is gone"),
        ({"input": None, "output": None}, "did not keep the answer"),
        ({"input": {"omitted_bytes": 70_000}}, "too large to be kept"),
        ({"input": {"instances": ["a text of mine"]}}, "a text of mine"),
        ({"instance_count": 2, "input": {"inputs": {"a": [1, 2], "b": [3, 4]}}}, "<th scope=\"col\">b</th>"),
    ],
)  # fmt: skip
def test_every_way_to_end_is_told_in_words(page: Any, values: dict[str, Any], words: str) -> None:
    assert words in page(**values)


def test_what_is_recorded_is_shown_as_text(page: Any) -> None:
    text = page(
        input={"instances": [{ATTACK: ATTACK}]}, output={"predictions": [ATTACK], "probabilities": None},
        request_id=ATTACK, subject_id=ATTACK, error_code=ATTACK[:64],
    )  # fmt: skip
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


def test_data_is_for_the_owner_the_asker_and_those_with_the_right(page: Any, ada: Any) -> None:
    secret = {"input": {"instances": ["a secret text"]}, "output": {"predictions": ["a secret answer"]}}
    clerk = with_rights("clerk@example.org", "view_predictionlog")
    auditor = with_rights("auditor@example.org", "view_predictionlog", "view_payload")
    ada.is_staff = True
    ada.save()
    ada.user_permissions.set(Permission.objects.filter(codename="view_predictionlog"))
    for person, asked_by, may_read in [
        (clerk, ada, False), (auditor, ada, True), (ada, ada, True), (ada, clerk, True), (clerk, clerk, True),
    ]:  # fmt: skip
        text = page(signed_in(User.objects.get(pk=person.pk)), user_id=asked_by.pk, **secret)
        assert ("a secret text" in text) is may_read, person
        assert ("a secret answer" in text) is may_read, person


def test_nobody_without_the_permission_opens_it(record: Any, ada: Any) -> None:
    kept = record()
    spool.append(kept)
    spool.ship_once()
    url = reverse("prediction", args=[kept["id"]])
    assert Client().get(url).status_code == 302
    assert signed_in(with_rights("nobody@example.org")).get(url).status_code == 403


def test_a_record_that_is_not_there_is_not_found(reader: Client) -> None:
    assert reader.get(reverse("prediction", args=[uuid.uuid4()])).status_code == 404


def test_panels_of_others_get_the_record(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PredictionLog] = []
    monkeypatch.setattr(panels, "_panels", {name: {} for name in panels._panels})

    def read(request: Any, subject: PredictionLog) -> None:
        seen.append(subject)

    panels.register("prediction", Panel("Explanation", "monitoring/_panels.html", read))
    page(confidence=0.25)
    assert [record.confidence for record in seen] == [0.25]


@pytest.mark.parametrize(("latency", "inference"), [(4.0, 1.0), (4.0, None), (1.0, 5.0), (0.0, 0.0), (2.0, 2.0)])
def test_the_pieces_of_the_time_fill_the_whole(latency: float, inference: float | None) -> None:
    found = pieces(PredictionLog(latency_ms=latency, inference_ms=inference))
    assert sum(piece.width for piece in found) == pytest.approx(100.0)
    assert all(piece.width >= 0 for piece in found)


def test_its_page_takes_a_constant_number_of_queries(
    reader: Client, record: Any, django_assert_max_num_queries: Any
) -> None:
    first = record()
    spool.append(first)
    spool.ship_once()
    url = reverse("prediction", args=[first["id"]])
    with django_assert_max_num_queries(40) as few:
        reader.get(url)
    for _ in range(30):
        spool.append(record())
    spool.ship_once()
    with django_assert_max_num_queries(len(few)):
        reader.get(url)
