"""What serving processes say about themselves."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import processes
from monitoring.models import ServingProcess

pytestmark = pytest.mark.django_db


def test_a_process_that_beats_is_live_with_its_facts() -> None:
    process = processes.register("host", 42)
    assert not process.is_ready
    assert processes.beat(process.pk, True, {"models": []})
    (live,) = processes.live(5)
    assert (live.host, live.pid, live.is_ready, live.facts) == ("host", 42, True, {"models": []})


def test_a_silent_process_is_not_live_and_is_pruned_later() -> None:
    silent = processes.register("host", 1)
    processes.register("host", 2)
    ServingProcess.objects.filter(pk=silent.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=30))
    assert [process.pid for process in processes.live(10)] == [2]
    assert processes.prune(60) == 0
    assert processes.prune(20) == 1
    assert not processes.beat(silent.pk, True, {}), "a pruned process learns that it must register again"


def test_a_process_that_ends_is_forgotten() -> None:
    process = processes.register("host", 1)
    processes.remove(process.pk)
    processes.remove(uuid.uuid4())
    assert not processes.live(60).exists()
