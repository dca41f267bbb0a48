import gc
import threading
import weakref

import pytest

from inference import model_cache
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


def test_the_bytes_bound_holds_too(served):
    cache = ModelCache(max_count=10, max_bytes=25_000)
    for version in (served(), served(), served()):
        cache.get(version)
    assert loaded_numbers(cache) == [2, 3]


def test_live_versions_stay_however_full_it_is(served):
    cache = ModelCache(max_count=1, max_bytes=1)
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
