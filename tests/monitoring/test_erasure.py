"""What is recorded about a subject is erased everywhere, also what arrives after."""

import threading
import time
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from monitoring import erasure, spool
from monitoring.models import Erasure, PredictionLog, Resolution, Rollup
from monitoring.outcomes.models import Feedback
from monitoring.spool import files, shipping
from monitoring.spool.shipper import Shipper
from monitoring.spool.writer import writer
from registry.errors import FieldInvalid, Forbidden

pytestmark = pytest.mark.django_db
ANNA = "anna@example.org"


def on_disk(var_dir: Any) -> bytes:
    return b"".join(path.read_bytes() for path in (var_dir / "spool").rglob("*") if path.is_file())


def row(given: dict[str, Any]) -> PredictionLog:
    return PredictionLog.objects.get(pk=given["id"])


def test_data_and_subject_of_every_record_go_and_the_facts_stay(record: Any, root: Any) -> None:
    hers, his = [record(subject_id=ANNA) for _ in range(3)], record(subject_id="bob")
    for given in (*hers, his):
        spool.append(given)
    spool.ship_once()
    assert erasure.erase_subject(subject=ANNA, by=root)["records"] == 3
    for given in hers:
        left = row(given)
        assert (left.subject_id, left.input, left.output) == ("", None, None)
        assert (left.latency_ms, left.outcome, left.version_id) == (2.5, "ok", given["version_id"])
    assert (row(his).subject_id, row(his).input) == ("bob", his["input"])
    assert Rollup.objects.get(resolution=Resolution.HOUR).requests == 4
    assert erasure.erase_subject(subject=ANNA, by=root)["records"] == 0


def test_what_waits_in_the_spool_arrives_without_it(record: Any, root: Any) -> None:
    before = record(subject_id=ANNA)
    spool.append(before)
    erasure.erase_subject(subject=ANNA, by=root)
    after = record(subject_id=ANNA)
    spool.append(after)
    assert spool.ship_once() == 2
    assert (row(before).subject_id, row(before).input, row(before).output) == ("", None, None)
    assert (row(after).subject_id, row(after).input) == (ANNA, after["input"])


@pytest.mark.django_db(transaction=True)
def test_serving_processes_give_up_the_files_that_hold_it(record: Any, root: Any, var_dir: Any) -> None:
    spool.append(record(subject_id=ANNA))
    spool.ship_once()
    assert ANNA.encode() in on_disk(var_dir)
    erasure.erase_subject(subject=ANNA, by=root)
    shipper = Shipper()
    shipper._tick()
    shipper._take_over_at = 0.0
    shipper._tick()
    assert ANNA.encode() not in on_disk(var_dir)
    spool.append(record())
    (path,) = files.listed(files.directory())
    shipper._take_over_at = 0.0
    shipper._tick()
    assert writer.current() == (path, path.stat().st_size), "a file that is newer is kept"


@pytest.mark.django_db(transaction=True)
def test_lines_that_were_put_aside_go_too(record: Any, root: Any, var_dir: Any) -> None:
    for subject in (ANNA, "bob"):
        spool.append(record(subject_id=subject, model_id=10**9))
    spool.ship_once()
    rejected = files.directory() / files.REJECTED
    assert len(rejected.read_bytes().splitlines()) == 2
    erasure.erase_subject(subject=ANNA, by=root)
    Shipper()._tick()
    (left,) = rejected.read_bytes().splitlines()
    assert orjson.loads(orjson.loads(left)["line"])["subject_id"] == "bob"


def test_the_subject_is_kept_nowhere(record: Any, root: Any, var_dir: Any) -> None:
    spool.append(record(subject_id=ANNA))
    spool.ship_once()
    erasure.erase_subject(subject=ANNA, by=root)
    [event] = AuditEvent.objects.filter(action="subject.erased")
    assert (event.actor, event.details["records"]) == (root.email, 1)
    kept = [*Erasure.objects.values_list("digest", flat=True), orjson.dumps(event.details).decode()]
    assert not any(ANNA in text for text in kept)
    assert Erasure.objects.get().digest.startswith(event.details["subject_digest"])


def test_feedback_forgets_whom_it_was_about(record: Any, root: Any) -> None:
    known = Feedback.objects.create(
        prediction_id=record()["id"], subject_id=ANNA, label="yes", state="counted", given_at=timezone.now()
    )
    Feedback.objects.create(subject_id=ANNA, label="yes", state="waiting", given_at=timezone.now())
    assert erasure.erase_subject(subject=ANNA, by=root)["feedback"] == 2
    assert list(Feedback.objects.values_list("pk", "subject_id")) == [(known.pk, "")]


def test_remembered_answers_are_forgotten(root: Any) -> None:
    from inference import clearing

    before = clearing.present_epoch()
    assert "remembered answers" in erasure.erase_subject(subject=ANNA, by=root)
    assert clearing.present_epoch() == before + 1


def test_it_takes_the_permission_and_a_subject(ada: Any, root: Any) -> None:
    with pytest.raises(Forbidden):
        erasure.erase_subject(subject=ANNA, by=ada)
    with pytest.raises(FieldInvalid):
        erasure.erase_subject(subject="", by=root)
    assert not Erasure.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_for_a_load_that_does_not_know_of_it(record: Any, root: Any) -> None:
    given = record(subject_id=ANNA)
    spool.append(given)
    with transaction.atomic():
        spool.ship_once()
        eraser = threading.Thread(target=_erase_in_a_thread, args=(root,))
        eraser.start()
        other = connection.copy()
        try:
            wait_until_blocked(other)
        finally:
            other.close()
    eraser.join()
    assert (row(given).subject_id, row(given).input) == ("", None)


def _erase_in_a_thread(root: Any) -> None:
    try:
        erasure.erase_subject(subject=ANNA, by=root)
    finally:
        connection.close()


def wait_until_blocked(other: Any) -> None:
    """Until somebody waits for a lock on the log."""
    deadline = time.monotonic() + 60
    with other.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'")
            if cursor.fetchone()[0]:
                return
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_the_command_erases_and_waits_for_the_spool(record: Any, root: Any, var_dir: Any) -> None:
    spool.append(record(subject_id=ANNA))
    spool.ship_once()
    spool.append(record(subject_id=ANNA))
    writer.let_go()
    said = StringIO()
    call_command("erasesubject", ANNA, stdout=said)
    assert "1 records" in said.getvalue()
    assert ANNA.encode() not in on_disk(var_dir)
    assert not PredictionLog.objects.exclude(subject_id="", input=None).exists()


def test_the_command_says_when_the_spool_is_not_loaded_in_time(record: Any, root: Any) -> None:
    spool.append(record(subject_id=ANNA))
    with pytest.raises(CommandError, match="still to be loaded"):
        call_command("erasesubject", ANNA, "--wait", "0", stdout=StringIO())


def test_the_admin_asks_first_and_names_the_subjects(record: Any, root: Any, client: Any) -> None:
    given = [record(subject_id="<b>anna</b>"), record(subject_id="<b>anna</b>"), record(subject_id="bob"), record()]
    for values in given:
        spool.append(values)
    spool.ship_once()
    client.force_login(root)
    chosen = {"action": "erase_subjects", "_selected_action": [given[0]["id"], given[3]["id"]]}
    page = client.post(reverse("admin:monitoring_predictionlog_changelist"), chosen).content.decode()
    assert "&lt;b&gt;anna&lt;/b&gt;" in page
    assert "<b>anna" not in page
    assert row(given[0]).input is not None
    client.post(reverse("admin:monitoring_predictionlog_changelist"), {**chosen, "agreed": "yes"})
    assert [row(values).input is None for values in given] == [True, True, False, False]


def test_the_admin_erases_everything_that_was_searched_for(record: Any, root: Any, client: Any) -> None:
    given = [record(subject_id=ANNA) for _ in range(3)] + [record(subject_id="bob")]
    for values in given:
        spool.append(values)
    spool.ship_once()
    client.force_login(root)
    url = reverse("admin:monitoring_predictionlog_changelist") + f"?q={ANNA}"
    assert client.get(url).content.decode().count("action-select") >= 3
    chosen = {"action": "erase_subjects", "_selected_action": [given[0]["id"]], "select_across": "1"}
    page = client.post(url, chosen).content.decode()
    assert (ANNA in page, "<li>bob</li>" in page) == (True, False)
    assert 'name="select_across" value="1"' in page
    client.post(url, {**chosen, "agreed": "yes"})
    assert [row(values).input is None for values in given] == [True, True, True, False]


def test_records_are_found_by_subject_and_by_id(record: Any, root: Any, client: Any) -> None:
    given = [record(subject_id=ANNA), record(subject_id="bob"), record()]
    for values in given:
        spool.append(values)
    spool.ship_once()
    client.force_login(root)
    for asked, found in ((ANNA, [0]), (given[2]["id"], [2]), ("ann", []), ("", [0, 1, 2])):
        page = client.get(reverse("admin:monitoring_predictionlog_changelist"), {"q": asked}).content.decode()
        assert [at for at, values in enumerate(given) if f'value="{values["id"]}"' in page] == found, asked


def test_the_admin_offers_it_to_those_who_may(record: Any, client: Any, bob: Any) -> None:
    given = record(subject_id=ANNA)
    spool.append(given)
    spool.ship_once()
    bob.is_staff = True
    bob.save()
    from django.contrib.auth.models import Permission

    bob.user_permissions.add(Permission.objects.get(codename="view_predictionlog"))
    client.force_login(bob)
    url = reverse("admin:monitoring_predictionlog_changelist")
    assert "erase_subjects" not in client.get(url).content.decode()
    client.post(url, {"action": "erase_subjects", "_selected_action": [given["id"]], "agreed": "yes"})
    assert row(given).subject_id == ANNA
    bob.user_permissions.add(Permission.objects.get(codename="erase_subject"))
    assert "erase_subjects" in client.get(url).content.decode()


def test_predictions_without_a_subject_have_nothing_to_erase(record: Any, root: Any, client: Any) -> None:
    given = record()
    spool.append(given)
    spool.ship_once()
    client.force_login(root)
    url = reverse("admin:monitoring_predictionlog_changelist")
    page = client.post(url, {"action": "erase_subjects", "_selected_action": [given["id"]]}, follow=True)
    assert "name no subject" in page.content.decode()


def test_records_of_other_subjects_cost_no_question(record: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        erasure.keep_back([shipping.parse(orjson.dumps(record()), 0)])
