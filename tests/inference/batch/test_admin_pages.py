"""Bulk scoring in the admin."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from inference.batch.models import BatchJob
from tests.inference.batch.conftest import ROWS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(ada: Any) -> Client:
    ada.is_staff = True
    ada.save()
    client = Client()
    client.force_login(ada)
    return client


def test_a_file_is_sent_from_a_version_followed_and_downloaded(staff: Client, version: Any, work: Any) -> None:
    address = f"/admin/versions/{version.pk}/batch/"
    assert b"Columns it needs" in staff.get(address).content
    sent = staff.post(address, {"file": SimpleUploadedFile("<b>rows.csv", ROWS), "results_format": "jsonl"})
    job = BatchJob.objects.get()
    page = f"/admin/batch/{job.pk}/"
    assert sent["Location"] == page
    waiting = staff.get(page).content
    assert b"data-follow" in waiting
    assert b"&lt;b&gt;rows" in waiting
    assert b"<b>rows" not in waiting
    work()
    done = staff.get(page).content
    assert b"Download the results" in done
    assert b"data-follow" not in done
    assert b"".join(staff.get(f"{page}results/")).count(b"\n") == 100  # type: ignore[arg-type]
    assert str(job.pk).encode() in staff.get("/admin/batch/").content
    assert staff.post(f"{page}cancel/")["Location"] == "/admin/batch/"
    assert b"Nothing was scored yet" in staff.get("/admin/batch/").content


def test_what_is_wrong_stands_beside_the_file(staff: Client, version: Any, settings: Any) -> None:
    address = f"/admin/versions/{version.pk}/batch/"
    assert b"Choose a file." in staff.post(address, {}).content
    settings.BATCH_MAX_BYTES = 10
    assert b"larger than 10 bytes" in staff.post(address, {"file": SimpleUploadedFile("a.csv", ROWS)}).content
    assert not BatchJob.objects.exists()


def test_a_form_without_its_token_is_refused(version: Any, ada: Any) -> None:
    ada.is_staff = True
    ada.save()
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    answer = client.post(f"/admin/versions/{version.pk}/batch/", {"file": SimpleUploadedFile("a.csv", ROWS)})
    assert answer.status_code == 403
    assert not BatchJob.objects.exists()


def test_a_running_job_is_shown_with_its_rate_and_cancelled(staff: Client, ask: Any) -> None:
    job = ask()
    facts = {"rows_total": 2000, "rows_done": 500, "rows_per_second": 10.0}
    BatchJob.objects.filter(pk=job.pk).update(status="running", **facts)
    page = staff.get(f"/admin/batch/{job.pk}/").content.decode()
    assert "25 %, 10 rows per second, 2 min left" in page
    staff.post(f"/admin/batch/{job.pk}/cancel/")
    assert "Stopping" in staff.get(f"/admin/batch/{job.pk}/").content.decode()
