"""What a log line says, and what it must not."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts import origin
from accounts.services import create_key
from inference.errors import ModelExecutionFailed
from mlplatform import errors, logs
from mlplatform.job_runner import Lane
from mlplatform.jobs import Job
from tests.standing_in import stand_in

log = logging.getLogger("tests.logs")


class Lines:
    """What was written since the beginning."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logs.formatter("json"))

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.all()[-1]


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    root = logging.getLogger()
    root.addHandler(found.handler)
    yield found
    root.removeHandler(found.handler)


def test_a_line_tells_when_how_grave_who_and_what(lines: Lines) -> None:
    log.warning("%d records wait", 3)

    line = lines.last
    assert (line["level"], line["logger"], line["message"]) == ("warning", "tests.logs", "3 records wait")
    assert line["timestamp"].endswith("Z")
    assert isinstance(line["pid"], int)


def test_in_a_request_it_tells_which_and_whose(lines: Lines) -> None:
    with origin.of_request({}, "r-1"):
        origin.note_caller(7, "key-id")
        log.warning("hello")

    assert {name: lines.last[name] for name in ("request_id", "actor", "key")} == {
        "request_id": "r-1", "actor": 7, "key": "key-id",
    }  # fmt: skip
    log.warning("and outside")
    assert "request_id" not in lines.last


@pytest.mark.django_db
def test_in_a_job_it_tells_the_jobs_name(lines: Lines) -> None:
    def work() -> None:
        log.warning("working")
        raise RuntimeError("no luck")

    Lane([Job("tidy up", work, every_seconds=1.0)]).tick()

    assert [line.get("job") for line in lines.all() if line["message"] == "working"] == ["tidy up"]


def test_what_others_hang_on_a_record_stays_out(lines: Lines) -> None:
    log.warning("odd", extra={"request": "GET /?password=x", "model": "churn", "whatever": 1})

    assert lines.last["model"] == "churn"
    assert not {"request", "whatever"} & lines.last.keys()


def test_nobody_can_forge_a_line_or_write_to_a_terminal(lines: Lines) -> None:
    log.warning('user %s signed in\n{"level":"info"}', "\x1b[2Jada\r\u202e", extra={"path": "/a\nb"})

    text = lines.stream.getvalue()
    assert text.count("\n") == 1
    assert text.rstrip("\n").isprintable()
    assert lines.last["path"] == "/a\\nb"


def test_in_the_console_format_neither() -> None:
    record = log.makeRecord("tests.logs", logging.ERROR, "", 1, "a\nERROR forged \x1b[2J", (), None)

    text = logs.formatter("console").format(record)
    assert text.count("\n") == 0
    assert "\x1b" not in text
    assert "a\\nERROR forged" in text


def test_secrets_stay_out_of_messages_and_tracebacks(lines: Lines) -> None:
    try:
        raise ValueError("no route to postgres://app:hunter22@db/ml, Bearer abcdefghijkl")
    except ValueError:
        log.exception("with password=hunter22")

    text = lines.stream.getvalue()
    assert "hunter22" not in text
    assert "abcdefghijkl" not in text
    assert lines.last["error"] == "builtins.ValueError"
    assert "Traceback (most recent call last)" in lines.last["exception"]


@pytest.mark.parametrize("tells", [False, True])
def test_what_a_model_choked_on_stays_out_unless_asked_for(lines: Lines, settings: Any, tells: bool) -> None:
    settings.LOG_INPUTS = tells
    try:
        try:
            float("-".join(["marker", "of", "a", "patient"]))
        except ValueError as error:
            raise ModelExecutionFailed(f"scikit-learn failed: {error}") from error
    except ModelExecutionFailed as error:
        errors.log_fault(error, "r-2", model="churn")

    line = lines.last
    assert ("marker-of-a-patient" in lines.stream.getvalue()) is tells
    assert (line["request_id"], line["model"], line["code"]) == ("r-2", "churn", "model_failed")
    assert "builtins.ValueError" in line["exception"]
    assert "scikit-learn failed" in line["exception"]


def test_long_texts_are_cut(lines: Lines) -> None:
    log.warning("x" * 100_000)

    assert len(lines.stream.getvalue()) < 2 * logs.MOST_TEXT


@pytest.mark.parametrize(("level", "form"), [("LOUD", "json"), ("INFO", "xml")])
def test_a_wrong_setting_stops_the_start(level: str, form: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        logs.configuration(level=level, form=form, is_production=False)


def test_production_logs_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, logs, "sys", stderr=io.StringIO())

    assert logs.resolved("auto", True) == "json"
    assert logs.resolved("auto", False) == "console"
    assert logs.resolved("json", False) == "json"


@pytest.mark.django_db
def test_a_refused_credential_is_not_in_the_log(lines: Lines, ada: Any) -> None:
    _, key = create_key(by=ada, owner=ada, name="k", scopes=["read"])
    client = Client(raise_request_exception=False)
    client.get("/api/v1/nothing", headers={"X-API-Key": key + "x", "Authorization": f"Bearer {key}"})
    client.get(f"/api/v1/models?api_key={key}")

    assert key.rpartition("_")[2] not in lines.stream.getvalue()
