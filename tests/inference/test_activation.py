import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from inference import activation, golden
from inference.errors import ActivationFailed
from inference.models import Staging, StagingReply
from monitoring import processes
from registry import services
from registry.errors import Conflict, Forbidden, VersionNotReady
from registry.models import Deployment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def serving():
    """Registers serving processes that answer stagings the way `act` says."""
    stopping, threads = threading.Event(), []

    def start(act, count=1):
        def run(process):
            while not stopping.wait(0.02):
                act(process)
            connection.close()

        for number in range(count):
            row = processes.register("host", 1000 + number)
            processes.beat(row.pk, True, {})
            threads.append(threading.Thread(target=run, args=(row.pk,)))
            threads[-1].start()

    yield start
    stopping.set()
    for thread in threads:
        thread.join()


def live(model):
    entry = model.open_deployment()
    return entry and entry.version.number


def test_every_process_is_warm_before_the_ledger_says_live(ada, served_version, serving):
    version, seen = served_version(), []

    def act(process):
        if activation.answer_stagings(process):
            seen.append(live(version.model))

    serving(act, count=3)
    progress = []
    activation.activate(version=version, by=ada, progress=lambda done, of: progress.append((done, of)))
    assert seen == [None, None, None]
    assert live(version.model) == 1
    assert progress[-1] == (3, 3)
    assert not Staging.objects.exists()


def test_a_process_that_cannot_load_it_fails_the_activation_and_nothing_changes(ada, served_version, serving, var_dir):
    first, second = served_version(offset=1), served_version(offset=2)
    serving(activation.answer_stagings, count=2)
    activation.activate(version=first, by=ada)
    (var_dir / "models" / second.artifact).write_bytes(b"swapped")
    with pytest.raises(ActivationFailed):
        activation.activate(version=second, by=ada)
    assert live(first.model) == 1
    assert not Staging.objects.exists()


def test_replies_that_come_while_a_staging_is_closed_disturb_nobody(served_version):
    version, stopping = served_version(), threading.Event()
    process = processes.register("host", 1000).pk

    def reply():
        while not stopping.is_set():
            activation.answer_stagings(process)
            StagingReply.objects.all().delete()  # so that the same process answers again
        connection.close()

    threads = [threading.Thread(target=reply) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            activation._close(Staging.objects.create(version=version, deadline=timezone.now() + timedelta(minutes=1)))
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert not Staging.objects.exists()
    assert not StagingReply.objects.exists()


def test_a_process_whose_golden_answers_differ_fails_the_activation(ada, served_version, serving, monkeypatch):
    def differs(loaded):
        raise golden.GoldenMismatch("row 0: 1 instead of 2")

    monkeypatch.setattr(golden, "check", differs)
    version = served_version()
    serving(activation.answer_stagings)
    with pytest.raises(ActivationFailed, match="row 0"):
        activation.activate(version=version, by=ada)
    assert live(version.model) is None


def test_a_process_that_never_answers_fails_it_at_the_deadline(ada, served_version, serving, settings):
    settings.STAGING_SECONDS = 0.3
    version = served_version()
    serving(lambda process: processes.beat(process, True, {}))
    with pytest.raises(ActivationFailed, match="1 of 1"):
        activation.activate(version=version, by=ada)
    assert live(version.model) is None


def test_a_dead_process_is_not_waited_for(ada, served_version, settings):
    settings.HEARTBEAT_SECONDS = 0.05
    processes.register("host", 1)
    version = served_version()
    activation.activate(version=version, by=ada)
    assert live(version.model) == 1


def test_roll_back_takes_the_same_way(ada, served_version, serving):
    first, second = served_version(offset=1), served_version(offset=2)
    answered = []
    serving(lambda process: answered.append(activation.answer_stagings(process)))
    activation.activate(version=first, by=ada)
    activation.activate(version=second, by=ada)
    activation.rollback(model=first.model, by=ada, note="worse")
    assert live(first.model) == 1
    assert sum(answered) == 3


def test_who_may_not_and_what_is_not_ready_stages_nothing(ada, bob, served_version, toy_file):
    version = served_version()
    with pytest.raises(Forbidden):
        activation.activate(version=version, by=bob)
    pending = services.upload_version(by=ada, name="oracle", file=toy_file)
    with pytest.raises(VersionNotReady):
        activation.activate(version=pending, by=ada)
    assert not Staging.objects.exists()


def test_answering_twice_is_harmless(ada, served_version):
    process = uuid.uuid4()
    Staging.objects.create(version=served_version(), deadline=timezone.now() + timedelta(seconds=10))
    assert activation.answer_stagings(process) == 1
    assert activation.answer_stagings(process) == 0


def test_the_ledger_keeps_what_each_process_found(ada, served_version, serving):
    golden_answers = {"instances": [[1.0, 0.0]], "predictions": [2.0], "probabilities": None}
    version = served_version(golden=golden_answers)
    serving(activation.answer_stagings, count=2)
    entry = activation.activate(version=version, by=ada)
    assert entry.proof["golden_difference"] == 0.0
    assert [found["process"] for found in entry.proof["processes"]] == ["host:1000", "host:1001"]
    assert all(found["load_ms"] >= 0 for found in entry.proof["processes"])


def test_of_racing_activations_one_wins_and_the_others_are_told_what_is_live(ada, served_version, serving):
    versions = [served_version(offset=offset) for offset in range(4)]
    serving(activation.answer_stagings)
    gate, done, refused = threading.Barrier(20), [], []

    def activate(version):
        gate.wait()
        try:
            done.append(activation.activate(version=version, by=ada))
        except Conflict as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=activate, args=(versions[index % 4],)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(refused) == 20
    assert Deployment.objects.filter(closed_at=None).count() == 1
    assert Deployment.objects.count() == len(done)
    numbers = {entry.pk: entry.version.number for entry in Deployment.objects.select_related("version")}
    assert refused
    for error in refused:
        current = error.details["current"]
        assert numbers[current["deployment_id"]] == current["version"]


def test_the_report_tells_the_largest_golden_difference_seen(ada, client, served_version, serving):
    from accounts import services as accounts_services

    # The model answers 2.0; what is kept is off by less than parity allows.
    golden_answers = {"instances": [[1.0, 0.0]], "predictions": [2.0001], "probabilities": None}
    version = served_version(golden=golden_answers, parity={"tolerance": 1e-4})
    serving(activation.answer_stagings)
    entry = activation.activate(version=version, by=ada)
    key = accounts_services.create_key(by=ada, owner=ada, name="k", scopes=["read"])[1]
    told = client.get("/api/v1/models/oracle/versions/1/report", headers={"X-API-Key": key}).json()["golden"]
    assert (told["rows"], told["tolerance"]) == (1, 1e-4)
    assert told["seen"][0]["deployment_id"] == entry.pk
    assert 0 < told["seen"][0]["golden_difference"] < 1e-4
