"""A job from the asking to its results, and every way in which it ends before that."""

import json
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEvent
from inference import model_cache
from inference.batch import child, crews, services
from inference.batch.errors import InputRefused, InputTooLarge, JobNotFound, StateForbids, TooManyJobs
from inference.batch.models import BatchJob
from inference.bulk import folder
from inference.errors import ModelExecutionFailed
from inference.handlers.base import Payload
from registry import resolver
from registry import services as registry_services
from registry.errors import VersionQuarantined

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_is_scored_and_leaves_its_results_alone(ask: Any, work: Any) -> None:
    job = ask(results_format="jsonl")
    assert job.input_path.is_file()
    job = work()
    assert (job.status, job.rows_total, job.rows_done, job.rows_failed) == ("done", 100, 100, 0)
    rows = [json.loads(line) for line in job.results_path.read_bytes().splitlines()]
    assert rows == [{"row": at + 1, "prediction": at + 1.0} for at in range(100)]
    assert [path.name for path in job.folder.iterdir()] == ["results.jsonl"]
    assert job.result_bytes == job.results_path.stat().st_size
    assert AuditEvent.objects.filter(action="batch.asked", target_id=str(job.pk)).exists()
    assert child.run_next() is False


def test_bad_rows_are_counted_and_columns_that_are_not_asked_for_are_named(ask: Any, work: Any) -> None:
    ask(b"id,x,y\n1,2,0\n2,?,0\n")
    job = work()
    assert (job.status, job.rows_done, job.rows_failed, job.ignored_columns) == ("done", 2, 1, ["id"])
    assert job.results_path.read_text().splitlines()[2].startswith('2,,"wrong_type","x",')


def test_a_file_that_cannot_be_read_fails_with_its_line_and_leaves_nothing(ask: Any, work: Any) -> None:
    ask(b"a,b\n1,2\n")
    job = work()
    assert (job.status, job.failure["code"], job.failure["line"]) == ("failed", "missing_column", 1)
    assert not job.folder.exists()


def test_a_job_whose_file_is_on_another_host_fails_at_once_and_says_so(ask: Any, work: Any) -> None:
    ask().input_path.unlink()
    job = work()
    assert (job.status, job.failure["code"]) == ("failed", "input_missing")
    assert "BATCH_DIR" in job.failure["message"]


def test_what_was_killed_goes_on_behind_its_last_part_and_yields_the_same(
    ask: Any, work: Any, monkeypatch: Any
) -> None:
    ask()
    undisturbed = work().results_path.read_bytes()
    ask()
    kept: list[int] = []
    keep = folder.Folder.keep

    def killed(self: Any, scored: Any) -> Any:
        found = keep(self, scored[: 4 - len(kept)])
        kept.extend(part.number for part in found)
        if len(kept) == 4:
            raise SystemExit("killed")
        return found

    monkeypatch.setattr(folder.Folder, "keep", killed)
    with pytest.raises(SystemExit):
        child.run_next()
    BatchJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # nobody kept it alive

    again: list[int] = []

    def noted(self: Any, scored: Any) -> Any:
        again.extend(one.number for one in scored)
        return keep(self, scored)

    monkeypatch.setattr(folder.Folder, "keep", noted)
    job = work()
    assert kept + again == list(range(10))
    assert (job.status, job.rows_done) == ("done", 100)
    assert job.results_path.read_bytes() == undisturbed


def test_an_interrupted_job_is_given_back_and_is_not_blamed(ask: Any, monkeypatch: Any) -> None:
    job = ask()

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(child.running, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        child.run_next()
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lease_token) == ("running", 0, None)


def test_a_job_that_gets_no_further_is_given_up_with_its_reason(ask: Any, monkeypatch: Any, settings: Any) -> None:
    job = ask()
    monkeypatch.setattr(child, "_AGAIN_SECONDS", 0.0)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.Folder, "keep", full)
    while child.run_next():
        pass
    job.refresh_from_db()
    assert (job.status, job.failure["code"]) == ("failed", "stumbled")
    assert "No space left" in job.failure["message"]


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_when_it_is_seen(
    ask: Any, work: Any, ada: Any, monkeypatch: Any
) -> None:
    job = services.cancel(job=ask(), by=ada)
    assert (job.status, job.folder.exists()) == ("cancelled", False)
    running = ask()

    def interrupted(*_: Any, **__: Any) -> Any:
        services.cancel(job=running, by=ada)
        child_watch.stopped_by = "cancelled"
        raise KeyboardInterrupt

    made = child.Watch

    def watch(job: BatchJob, **options: Any) -> Any:
        nonlocal child_watch
        child_watch = made(job, **options)
        return child_watch

    child_watch: Any = None
    monkeypatch.setattr(child, "Watch", watch)
    monkeypatch.setattr(child.running, "run", interrupted)
    ended = work()
    assert (ended.pk, ended.status, ended.folder.exists()) == (running.pk, "cancelled", False)
    with pytest.raises(StateForbids):
        services.cancel(job=ended, by=ada)


def test_a_job_that_is_cancelled_while_a_process_takes_it_up_is_not_begun_without_its_file(
    ask: Any, work: Any, ada: Any, monkeypatch: Any
) -> None:
    job, claim_one = ask(), BatchJob.claim_one

    def claimed_and_cancelled(*given: Any, **named: Any) -> BatchJob | None:
        claimed = claim_one(*given, **named)
        services.cancel(job=job, by=ada)
        return claimed

    with monkeypatch.context() as patch:
        patch.setattr(BatchJob, "claim_one", claimed_and_cancelled)
        claimed = services.claim()
    job.refresh_from_db()
    assert claimed == job
    assert (job.is_stopping, job.ended_at, job.input_path.exists()) == (True, None, True)


def test_files_go_when_it_is_certain_that_their_job_does(ask: Any, work: Any, ada: Any) -> None:
    """A repeatable call writes its answer down in the same transaction, and that may fail."""
    ask()
    done, waiting = work(), ask()

    def in_vain(change: Any, job: BatchJob) -> None:
        with transaction.atomic():
            change(job=job, by=ada)
            raise RuntimeError("planned")

    for change, job, path in (
        (services.delete, done, done.results_path),
        (services.cancel, waiting, waiting.input_path),
    ):
        with pytest.raises(RuntimeError, match="planned"):
            in_vain(change, job)
        assert path.exists()
        change(job=job, by=ada)
        assert not path.exists()


def test_of_two_who_delete_a_job_at_once_one_finds_none(ask: Any, work: Any, ada: Any) -> None:
    ask()
    job = work()
    services.delete(job=job, by=ada)
    for change in (services.delete, services.cancel):
        with pytest.raises(JobNotFound):
            change(job=job, by=ada)


def test_a_running_job_is_cancelled_also_in_the_background_of_a_script(
    ask: Any, work: Any, ada: Any, monkeypatch: Any, in_the_background: None
) -> None:
    running = ask()

    def endless(*_: Any, **__: Any) -> Any:
        services.cancel(job=running, by=ada)
        while True:
            time.sleep(0.05)

    monkeypatch.setattr(child.running, "run", endless)
    monkeypatch.setattr("registry.own_process._LOOK_EVERY_SECONDS", 0.01)
    assert work().status == "cancelled"


def test_the_watch_sees_a_cancellation_and_a_version_that_was_taken_out_of_service(
    ask: Any, ada: Any, version: Any
) -> None:
    ask()
    job = services.claim()
    assert job is not None
    watch = child.Watch(job, should_stop=lambda: child._reason_to_stop(job))
    watch.look()
    assert watch.stopped_by is None
    registry_services.quarantine(version=version, reason="it crashed")
    watch.look()
    assert watch.stopped_by == "unservable"
    child._stopped(job, watch)
    job.refresh_from_db()
    assert (job.status, job.failure["code"]) == ("failed", "version_quarantined")


def test_a_version_that_may_not_be_served_is_not_scored_with(ask: Any, work: Any, version: Any) -> None:
    ask()
    registry_services.quarantine(version=version, reason="it crashed")
    assert work().failure["code"] == "version_quarantined"
    version.refresh_from_db()
    with pytest.raises(VersionQuarantined):
        ask(version=version)


def test_the_job_of_an_account_that_was_closed_is_not_scored(ask: Any, work: Any, ada: Any) -> None:
    ask()
    ada.is_active = False
    ada.save()
    assert work().failure["code"] == "owner_inactive"


def test_a_model_that_cannot_be_loaded_fails_the_job(ask: Any, work: Any, monkeypatch: Any) -> None:
    ask()

    def refused(served: Any) -> Any:
        raise ModelExecutionFailed("the library refused it")

    monkeypatch.setattr(model_cache.cache, "get", refused)
    job = work()
    assert (job.status, job.failure["code"]) == ("failed", "model_failed")


def test_there_are_bounds_for_files_jobs_disk_and_rows(ask: Any, work: Any, settings: Any, var_dir: Path) -> None:
    settings.BATCH_MAX_BYTES = 10
    with pytest.raises(InputTooLarge):
        ask()
    settings.BATCH_MAX_BYTES = 10_000
    with pytest.raises(InputRefused):
        ask(b"")
    settings.BATCH_ROWS_PER_DAY = 150
    settings.BATCH_JOBS_PER_OWNER = 2
    ask(), ask()
    with pytest.raises(TooManyJobs):
        ask()
    assert work().status == "done"
    second = work()
    assert (second.status, second.failure["code"]) == ("failed", "row_quota")
    settings.BATCH_OWNER_BYTES = 1000
    with pytest.raises(TooManyJobs) as refused:
        ask()
    assert refused.value.code == "storage_quota"
    assert len(list((var_dir / "batch").iterdir())) == 1  # the results of the first


def test_old_jobs_and_folders_of_none_are_forgotten(
    ask: Any, work: Any, ada: Any, settings: Any, var_dir: Path
) -> None:

    ask()
    job = work()
    kept = ask()
    orphan = var_dir / "batch" / str(uuid.uuid4())
    orphan.mkdir()
    os.utime(orphan, (0, 0))
    assert services.prune() == 1
    assert not orphan.exists()
    BatchJob.objects.filter(pk=job.pk).update(ended_at=timezone.now() - timedelta(days=8))
    assert services.prune() == 1
    assert not job.folder.exists()
    assert list(BatchJob.objects.all()) == [kept]
    assert kept.input_path.exists()


def test_only_one_of_two_claims_a_job_and_the_loser_writes_nothing(ask: Any) -> None:
    ask()
    first = services.claim()
    assert services.claim() is None
    BatchJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = services.claim()
    services.report(first, rows_done=50, rows_failed=0, rows_per_second=1.0)
    second.refresh_from_db()
    assert second.rows_done == 0


def test_rows_are_counted_once_for_the_metrics(ask: Any, work: Any, monkeypatch: Any) -> None:
    counted: list[dict[str, Any]] = []
    monkeypatch.setattr(services.metrics, "count_batch", lambda **facts: counted.append(facts))
    ask(b"x,y\n1,0\n?,0\n")
    assert services.count() is False
    work()
    assert services.count() is True
    assert services.count() is False
    assert counted == [{"model": "oracle", "version": 1, "status": "done", "answered": 1, "failed": 1}]


def test_the_crash_notes_name_the_version(version: Any, monkeypatch: Any) -> None:
    seen: list[int] = []
    monkeypatch.setattr(crews.crashes, "enter", seen.append)
    loaded = model_cache.cache.get(resolver.served(version))
    seen.clear()
    feeds = loaded.handler.preprocess(Payload("instances", [[1.0, 2.0]]), loaded.signature)
    crews.noted(loaded.model, version.pk)(feeds)
    assert seen == [version.pk, 0]
