import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from inference import memory, model_cache
from inference.errors import ModelTooLarge
from inference.model_cache import Loaded, ModelCache
from registry import resolver
from registry.errors import DigestMismatch

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(served_version):
    """Makes what the cache is asked for: a served version."""

    def make(offset=1.0, **facts):
        return resolver.served(served_version(offset=offset, **facts))

    return make


@pytest.fixture
def each_takes(monkeypatch):
    """Says what memory a load is measured to take."""

    def say(taken_bytes):
        monkeypatch.setattr(memory, "measured", lambda work: (work(), taken_bytes))

    return say


def loaded_numbers(cache):
    return [loaded.served.number for loaded in cache.snapshot()]


def test_a_version_is_loaded_once_and_then_kept(served):
    cache, version = ModelCache(max_count=5, max_bytes=10**9), served()
    assert cache.get(version) is cache.get(version)
    assert (cache.hits, cache.misses) == (1, 1)


def test_a_hundred_threads_cause_one_load(served, monkeypatch):
    cache, version, loads = ModelCache(max_count=5, max_bytes=10**9), served(), []
    everyone = threading.Barrier(100)
    real_load = model_cache.load

    def slow_load(asked):
        loads.append(asked)
        threading.Event().wait(0.1)
        return real_load(asked)

    monkeypatch.setattr(model_cache, "load", slow_load)
    got = []

    def ask():
        everyone.wait()
        got.append(cache.get(version))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(set(map(id, got))) == 1
    assert len(got) == 100


def test_a_load_that_fails_fails_for_all_who_wait_and_is_tried_again_later(served, monkeypatch):
    cache, version = ModelCache(max_count=5, max_bytes=10**9), served()
    with monkeypatch.context() as patch:
        patch.setattr(model_cache, "load", lambda _: (_ for _ in ()).throw(DigestMismatch("changed")))
        with pytest.raises(DigestMismatch):
            cache.get(version)
    assert cache.get(version).served == version


def test_the_least_recently_used_goes_when_there_are_too_many(served):
    cache = ModelCache(max_count=2, max_bytes=10**9)
    one, two, three = served(), served(), served()
    for version in (one, two, one, three):
        cache.get(version)
    assert loaded_numbers(cache) == [1, 3]
    assert cache.evictions == 1


def test_the_bytes_bound_holds_too(served, each_takes):
    each_takes(10_000)
    cache = ModelCache(max_count=10, max_bytes=25_000)
    for version in (served(), served(), served()):
        cache.get(version)
    assert loaded_numbers(cache) == [2, 3]


def test_live_versions_stay_however_full_it_is(served, each_takes):
    each_takes(10_000)
    cache = ModelCache(max_count=1, max_bytes=15_000)
    pinned = served()
    cache.pin(frozenset({pinned.version_id}))
    for version in (pinned, served(), served()):
        cache.get(version)
    assert loaded_numbers(cache) == [1, 3]


def test_an_evicted_model_is_freed_when_the_last_request_lets_go(served):
    cache = ModelCache(max_count=1, max_bytes=10**9)
    in_use: Loaded | None = cache.get(served())
    gone = weakref.ref(in_use.model.session)
    cache.get(served())
    assert in_use.model.predict is not None
    assert gone() is not None
    del in_use
    gc.collect()
    assert gone() is None


def test_a_file_that_was_changed_is_not_loaded(served, var_dir):
    version = served()
    (var_dir / "models" / version.file.path).write_bytes(b"another model")
    with pytest.raises(DigestMismatch):
        ModelCache(max_count=5, max_bytes=10**9).get(version)


def test_a_model_known_to_be_too_large_is_refused_before_it_is_read(served, var_dir):
    version = served(memory_bytes=2_000_000)
    (var_dir / "models" / version.file.path).unlink()
    with pytest.raises(ModelTooLarge) as caught:
        ModelCache(max_count=5, max_bytes=1_000_000).get(version)
    assert caught.value.details == {"needed_bytes": 2_000_000, "limit_bytes": 1_000_000}


def test_a_model_that_turns_out_too_large_is_refused_and_pushes_nobody_out(served, each_takes):
    cache = ModelCache(max_count=5, max_bytes=1_000_000)
    each_takes(10_000)
    cache.get(served())
    each_takes(2_000_000)
    with pytest.raises(ModelTooLarge):
        cache.get(served())
    assert loaded_numbers(cache) == [1]


def test_memory_that_a_load_takes_is_measured():
    taken, grown = memory.measured(lambda: b"x" * 50_000_000)
    assert grown > 40_000_000
    assert memory.peak_bytes() >= memory.resident_bytes() > 0
    assert memory.facts(limit_bytes=1)["within_limits"] is False
    del taken


def test_two_hundred_loads_and_evictions_do_not_make_the_process_grow(var_dir):
    root = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, Path(__file__).parent / "loading_child.py", var_dir],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    grown_bytes, model_bytes = map(int, told.stdout.split())
    assert model_bytes > 1_000_000
    assert grown_bytes < 20 * model_bytes
