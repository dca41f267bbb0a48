"""The spool: what is appended is loaded once, whatever happens in between."""

import errno
import gc
import os
import stat
import threading
import uuid
from datetime import UTC, datetime
from pathlib import PosixPath
from typing import Any

import orjson
import pytest
from django.db import connection, transaction

from accounts import metrics
from monitoring import histogram, rollups, spool, summing
from monitoring.models import AnswerRollup, PredictionLog, Resolution, Rollup, SpoolFile
from monitoring.spool import files, loading, rejected, shipping
from monitoring.spool import writer as writing
from monitoring.spool.counters import counters
from monitoring.spool.writer import Writer, writer
from tests.standing_in import stand_in

pytestmark = pytest.mark.django_db
# Foreign keys are checked at the commit, so these need real ones.
at_commit = pytest.mark.django_db(transaction=True)


def spool_files() -> list[Any]:
    return files.listed(files.directory())


def test_a_record_is_one_line_in_a_private_file_before_append_returns(record: Any) -> None:
    given = record(input={"text": "two\nlines"})
    spool.append(given)
    (path,) = spool_files()
    assert path.read_bytes().count(b"\n") == 1
    assert orjson.loads(path.read_bytes()) == given
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_record_becomes_a_row_with_every_value(record: Any, toy_version: Any, ada: Any) -> None:
    at = datetime(2024, 2, 29, 23, 59, 59, 123456, UTC)
    given = record(at=at, key_id="6b0f6f0a-52a8-4d6e-8f59-6a3a0f2f7a11", subject_id="customer 7", confidence=0.25)
    spool.append(given)
    assert spool.ship_once() == 1
    row = PredictionLog.objects.get()
    assert str(row.id) == given["id"]
    assert row.created_at == at
    assert (row.model, row.version, row.user) == (toy_version.model, toy_version, ada)
    assert str(row.api_key_id) == given["key_id"]
    assert (row.input, row.output) == (given["input"], given["output"])
    for name in ("request_id", "subject_id", "outcome", "status_code", "error_code", "instance_count"):
        assert getattr(row, name) == given[name]
    for name in ("latency_ms", "inference_ms", "confidence"):
        assert getattr(row, name) == given[name]


def test_a_refused_request_has_a_row_without_version_user_or_payload(record: Any) -> None:
    nothing = dict.fromkeys(("version_id", "user_id", "inference_ms", "confidence", "input", "output"))
    spool.append(record(outcome="invalid", status_code=422, error_code="type", instance_count=0, **nothing))
    spool.ship_once()
    row = PredictionLog.objects.get()
    assert (row.version, row.user, row.inference_ms, row.confidence) == (None, None, None, None)
    assert PredictionLog.objects.filter(input__isnull=True, output__isnull=True).exists()


def test_what_is_shipped_is_not_shipped_again(record: Any) -> None:
    for _ in range(3):
        spool.append(record())
    assert spool.ship_once() == 3
    assert spool.ship_once() == 0
    spool.append(record())
    shipping._known_offsets.clear()
    assert spool.ship_once() == 1
    assert PredictionLog.objects.count() == 4


@pytest.mark.parametrize(("bite", "piece"), [(1000, 1 << 20), (1 << 20, 1000), (8000, 1000)])
def test_a_file_is_loaded_in_bites_and_pieces_and_so_is_a_record_larger_than_those(
    record: Any, monkeypatch: pytest.MonkeyPatch, bite: int, piece: int
) -> None:
    monkeypatch.setattr(shipping, "BITE_BYTES", bite)
    monkeypatch.setattr(shipping, "PIECE_BYTES", piece)
    for size in (10, 10, 5000, 10, 900, 1, 20000):
        spool.append(record(input="x" * size))
    assert spool.ship_once() == 7
    assert sorted(len(row.input) for row in PredictionLog.objects.all()) == [1, 10, 10, 10, 900, 5000, 20000]
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 7


def test_of_a_bite_with_bad_lines_everything_else_is_loaded_and_counted_once(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "PIECE_BYTES", 1000)
    twice = record(confidence=0.5)
    for number in range(20):
        spool.append(twice if number in (3, 17) else record(confidence=0.5))
        if number == 9:
            writer.write(b"no record\n")
    assert spool.ship_once() == 19
    assert PredictionLog.objects.count() == 19
    for resolution in Resolution.values:
        assert Rollup.objects.get(resolution=resolution).requests == 19
        assert AnswerRollup.objects.get(resolution=resolution).confidences == histogram.from_counts({10: 19})


def test_many_pieces_of_a_bite_move_the_sums_once(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "PIECE_BYTES", 1000)
    moved: list[int] = []
    monkeypatch.setattr(rollups.table, "add", lambda sums: moved.append(len(sums)))
    for _ in range(20):
        spool.append(record())
    assert spool.ship_once() == 20
    assert moved == [len(Resolution.values)]


def test_a_database_error_in_the_middle_of_a_shipment_leaves_nothing_and_the_next_one_everything(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        spool.append(record())

    def fail(records: Any) -> None:
        raise RuntimeError("the connection is gone")

    with monkeypatch.context() as broken:
        broken.setattr(summing.Sums, "add", fail)
        with pytest.raises(RuntimeError, match="gone"):
            spool.ship_once()
    assert not PredictionLog.objects.exists()
    assert not SpoolFile.objects.filter(offset__gt=0).exists()
    assert spool.ship_once() == 5
    assert PredictionLog.objects.count() == 5
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 5


def test_collections_go_on_after_a_bite_and_after_one_that_failed(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    really = loading.insert

    def insert(records: list[Any]) -> None:
        seen.append(gc.isenabled())
        if len(seen) == 1:
            raise RuntimeError("the connection is gone")
        really(records)

    monkeypatch.setattr(loading, "insert", insert)
    spool.append(record())
    with pytest.raises(RuntimeError):
        spool.ship_once()
    assert gc.isenabled()
    assert spool.ship_once() == 1
    assert (seen, gc.isenabled()) == ([False, False], True)


def test_whoever_ships_a_bite_that_was_shipped_meanwhile_fails(record: Any) -> None:
    spool.append(record())
    (path,) = spool_files()
    spool.ship_once()
    with pytest.raises(shipping.Overtaken):
        shipping._load(files.host(), path.name, 0, path.read_bytes())
    assert PredictionLog.objects.count() == 1
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 1


def test_a_file_that_is_let_go_of_while_it_is_loaded_is_not_taken_over(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = loading.insert
    taken: list[int] = []

    def insert(records: list[Any]) -> None:
        writer.let_go()
        taken.append(spool.take_over())
        really(records)

    spool.append(record())
    with monkeypatch.context() as rotating:
        rotating.setattr(loading, "insert", insert)
        assert spool.ship_once() == 1
    assert taken == [0]
    assert spool.take_over() == 0
    assert spool_files() == []
    assert not SpoolFile.objects.exists()


def test_a_dead_writers_file_is_loaded_and_removed_with_its_checkpoint(record: Any) -> None:
    spool.append(record())
    spool.ship_once()
    spool.append(record())
    assert spool.take_over() == 0, "a living writer's file is left alone"
    writer.let_go()
    assert spool.take_over() == 1
    assert PredictionLog.objects.count() == 2
    assert not SpoolFile.objects.exists()
    assert os.listdir(files.directory()) == []


def test_a_half_written_record_at_the_end_of_a_dead_writers_file_is_dropped(record: Any) -> None:
    spool.append(record())
    (path,) = spool_files()
    writer.let_go()
    with path.open("ab") as file:
        file.write(orjson.dumps(record())[:40])
    assert spool.take_over() == 1
    assert PredictionLog.objects.count() == 1
    assert counters.torn == 1
    assert spool_files() == []


class Staying(PosixPath):
    """The process is killed when it is about to delete this."""

    def unlink(self, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["retire", "row", "unlink"])
def test_a_kill_at_any_step_of_a_files_end_neither_loses_nor_doubles(
    record: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for _ in range(3):
        spool.append(record())
    writer.let_go()

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        if step == "retire":
            dying.setattr(files, "retire", killed)
        elif step == "row":
            dying.setattr(shipping, "_bury", killed)
        else:
            retire = files.retire
            dying.setattr(files, "retire", lambda path: Staying(retire(path)))
        with pytest.raises(KeyboardInterrupt):
            spool.take_over()
    spool.take_over()
    assert PredictionLog.objects.count() == 3
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 3
    assert not SpoolFile.objects.exists()
    assert os.listdir(files.directory()) == []


def test_a_large_file_is_rotated_and_all_of_it_arrives(record: Any, settings: Any) -> None:
    settings.SPOOL_ROTATE_BYTES = 2000
    for _ in range(20):
        spool.append(record())
    assert len(spool_files()) > 2
    assert spool.ship_once() + spool.take_over() == 20
    assert len(spool_files()) == 1, "only the file in use is left"


def test_records_are_dropped_and_counted_when_the_spool_is_full(record: Any, settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 2500
    settings.SPOOL_WHEN_FULL = "drop"
    for _ in range(20):
        spool.append(record())
    kept = spool.ship_once() + spool.take_over()
    assert 0 < kept < 20
    assert spool.facts()["dropped"] == 20 - kept
    assert files.used_bytes() == 0


def test_data_is_left_out_first_and_records_are_dropped_last(record: Any, settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 40_000
    settings.SPOOL_WHEN_FULL = "drop"
    for _ in range(100):
        spool.append(record(input={"text": "x" * 2_000}))
    assert files.used_bytes() <= 40_000
    loaded = spool.ship_once() + spool.take_over()
    facts = spool.facts()
    whole = PredictionLog.objects.filter(input__isnull=False).count()
    assert loaded + facts["dropped"] == 100
    assert (whole, whole + facts["shortened"]) == (12, loaded), "three quarters are for whole records"
    assert facts["shortened"] > 20
    assert Rollup.objects.get(resolution=Resolution.DAY).requests == loaded
    assert not PredictionLog.objects.filter(input__isnull=True, output__isnull=False).exists()


def test_a_disk_that_fills_up_under_the_cap_keeps_whole_lines_and_counts_the_rest(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, room = os.write, [6_000]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        written = really(descriptor, data[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as small:
        stand_in(small, writing, "os", write=write)
        for _ in range(20):
            spool.append(record(input={"text": "x" * 1_500}))
    loaded = spool.ship_once() + spool.take_over()
    facts = spool.facts()
    assert loaded + facts["dropped"] == 20
    assert loaded >= 3
    assert (facts["rejected"], facts["torn"]) == (0, 0)


def test_what_is_given_up_is_counted_for_prometheus_at_once(record: Any, settings: Any) -> None:
    dropped = metrics.dropped_records("full")._value.get()
    refused = metrics.dropped_records("refused")._value.get()
    shortened = metrics.shortened_records("full")._value.get()
    settings.SPOOL_MAX_BYTES = 2_000
    spool.append(record(input="x" * 1_500))
    assert metrics.shortened_records("full")._value.get() == shortened + 1
    settings.SPOOL_MAX_BYTES = writer._measure_at = 0
    spool.append(record())
    assert metrics.dropped_records("full")._value.get() == dropped + 1
    settings.SPOOL_WHEN_FULL = "refuse"
    with pytest.raises(spool.SpoolFull):
        spool.append(record())
    assert metrics.dropped_records("refused")._value.get() == refused + 1


def test_predictions_are_refused_when_the_spool_is_full_and_the_policy_says_so(record: Any, settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 2500
    settings.SPOOL_WHEN_FULL = "refuse"
    small = [record() for _ in range(4)]
    for given in small:
        spool.append(given)
    with pytest.raises(spool.SpoolFull) as caught:
        spool.append(record(input="x" * 2500))
    assert caught.value.code == "spool_full"
    assert spool.ship_once() + spool.take_over() == len(small)
    writer._measure_at = 0.0
    spool.append(record())
    assert spool.ship_once() == 1, "there is room again once the spool is loaded"


def test_the_cap_counts_what_other_processes_of_the_host_have_spooled(record: Any, settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = 3000
    settings.SPOOL_WHEN_FULL = "refuse"
    other = Writer()
    other.write(b"x" * 2900 + b"\n")
    try:
        with pytest.raises(spool.SpoolFull):
            spool.append(record())
    finally:
        other.let_go()


def test_a_writer_lets_go_of_a_file_when_the_spool_is_half_full(record: Any, settings: Any) -> None:
    spool.append(record())
    writer.relieve()
    assert writer.current() is not None
    settings.SPOOL_MAX_BYTES = files.used_bytes() + 1
    writer.relieve()
    assert writer.current() is None


def test_threads_append_whole_lines_while_files_are_rotated(record: Any, settings: Any) -> None:
    settings.SPOOL_ROTATE_BYTES = 5000
    template = record()

    def work() -> None:
        for _ in range(50):
            spool.append({**template, "id": str(uuid.uuid4())})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for path in spool_files() for line in path.read_bytes().splitlines()]
    assert len({orjson.loads(line)["id"] for line in lines}) == len(lines) == 200


def test_a_disk_that_fails_is_an_error_and_leaves_no_part_of_the_record(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(record())
    really = os.write

    def fail(descriptor: int, data: bytes) -> int:
        really(descriptor, data[:50])
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        stand_in(broken, writing, "os", write=fail)
        with pytest.raises(spool.SpoolWriteFailed) as caught:
            spool.append(record())
    assert caught.value.code == "spool_write_failed"
    spool.append(record())
    assert spool.ship_once() == 2
    assert spool.facts()["rejected"] == 0


@pytest.mark.parametrize("policy", ["drop", "refuse"])
def test_a_disk_without_room_is_a_full_spool(
    record: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    settings.SPOOL_WHEN_FULL = policy

    def fail(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as full:
        stand_in(full, writing, "os", write=fail)
        if policy == "refuse":
            with pytest.raises(spool.SpoolFull):
                spool.append(record())
        else:
            spool.append(record())
    assert spool.facts()["dropped"] == (policy == "drop")


def test_appending_costs_no_look_at_the_directory(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.append(record())
    looks: list[None] = []
    monkeypatch.setattr(files, "used_bytes", lambda: looks.append(None) or 0)
    for _ in range(100):
        spool.append(record())
    assert len(looks) <= 2


def test_a_payload_that_is_no_json_costs_the_payload_but_not_the_record(record: Any) -> None:
    spool.append(record(input={"huge": 2**70}))
    assert spool.ship_once() == 1
    assert PredictionLog.objects.get().input is None
    assert spool.facts()["stripped"] == 1


def test_the_character_nul_is_replaced_everywhere(record: Any) -> None:
    spool.append(record(input={"a\0b": ["\0", {"deep": "x\0y"}]}, subject_id="s\0", request_id="r\0"))
    assert spool.ship_once() == 1
    row = PredictionLog.objects.get()
    assert row.input == {"a\ufffdb": ["\ufffd", {"deep": "x\ufffdy"}]}
    assert (row.subject_id, row.request_id) == ("s\ufffd", "r\ufffd")


def test_a_backslash_before_u0000_is_not_taken_for_nul(record: Any) -> None:
    spool.append(record(input="\\u0000"))
    spool.ship_once()
    assert PredictionLog.objects.get().input == "\\u0000"


def test_labels_that_are_too_long_are_cut(record: Any) -> None:
    spool.append(record(subject_id="s" * 1000, error_code="e" * 1000))
    spool.ship_once()
    row = PredictionLog.objects.get()
    assert (len(row.subject_id), len(row.error_code)) == (200, 64)


@at_commit
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_id": 999_999}, "unknown model"),
        ({"version_id": 999_999}, "unknown version"),
        ({"id": "no uuid"}, "bad value of id"),
        ({"latency_ms": float("nan")}, "no value of latency_ms"),
        ({"latency_ms": -1.0}, "bad value of latency_ms"),
        ({"outcome": "great"}, "bad value of outcome"),
        ({"at": "today"}, "bad value of at"),
        ({"instance_count": 2**40}, "bad value of instance_count"),
        ({"status_code": True}, "bad value of status_code"),
    ],
)
def test_a_poisoned_record_is_put_aside_with_the_reason_and_blocks_nothing(
    record: Any, change: dict[str, Any], reason: str
) -> None:
    spool.append(record())
    spool.append(record(**change))
    spool.append(record())
    assert spool.ship_once() == 2
    assert spool.facts()["rejected"] == 1
    (kept,) = (files.directory() / files.REJECTED).read_bytes().splitlines()
    assert reason in orjson.loads(kept)["reason"]
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 2


def test_what_a_full_disk_does_not_take_whole_is_put_aside_when_there_is_room(
    record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.write
    spool.append(record())
    spool.append(record(outcome="great"))
    with monkeypatch.context() as full:
        stand_in(full, rejected, "os", write=lambda descriptor, text: really(descriptor, text[:50]))
        with pytest.raises(OSError, match="No space"):
            spool.ship_once()
    assert (files.directory() / files.REJECTED).read_bytes() == b""
    assert spool.ship_once() == 1
    (kept,) = (files.directory() / files.REJECTED).read_bytes().splitlines()
    assert "great" in orjson.loads(kept)["line"]


def test_texts_that_are_left_out_are_empty(record: Any) -> None:
    spool.append(record(request_id=None, subject_id=None, error_code=None))
    assert spool.ship_once() == 1
    assert PredictionLog.objects.get(request_id="", subject_id="", error_code="").input is not None


@pytest.mark.parametrize("line", [b"not json", b"[1]", b"\xff\xfe", b"", b"{}"])
def test_a_line_that_is_no_record_is_put_aside(record: Any, line: bytes) -> None:
    spool.append(record())
    writer.write(line + b"\n")
    spool.append(record())
    assert spool.ship_once() == 2
    assert spool.facts()["rejected"] == 1


def test_a_prediction_id_that_comes_twice_is_counted_once(record: Any) -> None:
    twice = record()
    for given in (twice, record(), twice, record()):
        spool.append(given)
    assert spool.ship_once() == 3
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 3


def test_a_file_whose_checkpoint_is_lost_is_loaded_again_and_nothing_is_counted_twice(record: Any) -> None:
    for _ in range(5):
        spool.append(record())
    spool.ship_once()
    SpoolFile.objects.all().delete()
    shipping._known_offsets.clear()
    spool.append(record())
    assert spool.ship_once() == 1
    assert PredictionLog.objects.count() == 6
    assert sum(row.requests for row in Rollup.objects.filter(resolution=Resolution.MINUTE)) == 6
    assert (counters.repeated, counters.rejected) == (5, 0)


def test_a_record_that_claims_the_id_of_another_is_put_aside(record: Any) -> None:
    first = record()
    for given in (first, {**first, "at": first["at"] + 86_400}, first):
        spool.append(given)
    assert spool.ship_once() == 1
    assert (counters.repeated, counters.rejected) == (1, 1)
    assert "the id of another record" in (files.directory() / files.REJECTED).read_text()


@pytest.mark.parametrize(
    "text", ["a\\b", "tab\there", "line\nbreak", "\\N", "\\.", '"', "\\\\n", "\u2028", "é😀", "\x7f"]
)
def test_every_text_arrives_as_it_was_sent(record: Any, text: str) -> None:
    spool.append(record(input={text: [text]}, subject_id=text))
    assert spool.ship_once() == 1
    row = PredictionLog.objects.get()
    assert (row.input, row.subject_id) == ({text: [text]}, text)


def test_a_record_the_database_refuses_is_found_among_many(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [record() for _ in range(33)]
    refused = given[17]["id"]
    really = loading.insert

    def insert(records: list[Any]) -> None:
        really(records)
        if any(item.values["id"] == refused for item in records):
            raise loading.DataError("no room for this one")

    monkeypatch.setattr(loading, "insert", insert)
    for values in given:
        spool.append(values)
    assert spool.ship_once() == 32
    assert not PredictionLog.objects.filter(pk=refused).exists()


@at_commit
def test_records_of_a_deleted_user_are_kept_without_the_user(record: Any, bob: Any) -> None:
    spool.append(record(user_id=bob.pk))
    bob.delete()
    assert spool.ship_once() == 1
    assert PredictionLog.objects.get().user is None


def test_pending_tells_bytes_and_age_of_what_is_not_loaded(record: Any, ada: Any) -> None:
    import time

    assert spool.pending()["bytes"] == 0
    assert spool.pending()["oldest_seconds"] is None
    spool.append(record(at=time.time() - 100))
    spool.append(record(at=time.time() - 50))
    before = spool.pending()
    assert before["bytes"] == files.used_bytes()
    assert 99 < before["oldest_seconds"] < 160
    spool.ship_once()
    assert spool.pending()["bytes"] == 0


def test_a_record_that_is_larger_than_a_glance_still_has_an_age(record: Any) -> None:
    spool.append(record(input="x" * 10_000))
    assert spool.pending()["oldest_seconds"] is not None


def test_records_of_a_host_that_is_gone_are_adopted_only_after_long_silence(record: Any) -> None:
    spool.append(record())
    writer.let_go()
    gone = files.directory().with_name("gone-host")
    files.directory().rename(gone)
    assert spool.take_over() == 0
    (path,) = files.listed(gone)
    os.utime(path, (0, 0))
    assert spool.take_over() == 1
    assert files.listed(gone) == []


def test_a_silent_file_of_a_host_that_reports_is_left_alone(record: Any) -> None:
    from monitoring import processes

    spool.append(record())
    writer.let_go()
    files.directory().rename(files.directory().with_name("other-host"))
    os.utime(files.listed(files.directory("other-host"))[0], (0, 0))
    processes.register("other-host", 1)
    assert spool.take_over() == 0


def test_the_rows_equal_the_rollups(record: Any) -> None:
    moments = [datetime(2024, 5, 1, hour, minute, tzinfo=UTC) for hour in (0, 1, 23) for minute in (0, 14, 15, 59)]
    for number, at in enumerate(moments * 3):
        outcome = ("ok", "cached", "error")[number % 3]
        spool.append(
            record(
                at=at,
                outcome=outcome,
                instance_count=number,
                latency_ms=0.1 * 1.5**number,
                version_id=record()["version_id"] if number % 2 else None,
            )
        )
        if number % 5 == 0:
            spool.ship_once()
    spool.ship_once()
    logs = list(PredictionLog.objects.all())
    assert len(logs) == 36
    for resolution in Resolution.values:
        rows = list(Rollup.objects.filter(resolution=resolution))
        assert sum(row.requests for row in rows) == 36
        assert sum(row.instances for row in rows) == sum(log.instance_count for log in logs)
        assert sum(row.latency_sum_ms for row in rows) == pytest.approx(sum(log.latency_ms for log in logs))
        for row in rows:
            end = row.start.timestamp() + resolution
            mine = [
                log
                for log in logs
                if row.start.timestamp() <= log.created_at.timestamp() < end
                and (log.version_id, log.outcome) == (row.version_id, row.outcome)
            ]
            assert len(mine) == row.requests == sum(histogram.unpacked(row.latency_histogram).values())


def test_shipping_costs_the_same_queries_however_many_records(record: Any, django_assert_max_num_queries: Any) -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    for _ in range(200):
        spool.append(record(at=at))
    with django_assert_max_num_queries(21):
        spool.ship_once()
    spool.append(record(at=at))
    with django_assert_max_num_queries(15):  # every row of sums is there already
        spool.ship_once()
    assert not transaction.get_connection().needs_rollback
    assert connection.vendor in {"sqlite", "postgresql"}
