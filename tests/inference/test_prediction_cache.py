import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import prediction_cache
from inference.handlers.base import Predictions
from inference.prediction_cache import Key, PredictionCache, Shared, digest_of, key_of, seconds_for
from registry.recording import Recording
from registry.resolver import Served
from registry.seals import StoredFile
from registry.serving import Serving
from tests.standing_in import stand_in

ANSWER = Predictions([1], None, None, None)
FILE = StoredFile(path="a", sha256="a" * 64, seal="", model_id=1, number=1, form="original")
SERVED = Served(
    version_id=1, number=1, model_id=1, model_name="toy", owner_id=7, is_internal=False, max_batch_rows=100,
    recording=Recording(), is_deprecated=False, runtime="onnx", file=FILE, sha256="a" * 64,
    signature={}, golden=None, memory_bytes=1, serving=Serving(), library_versions={},
)  # fmt: skip
KEY = Key(0, 1, "a", 7, b"")


def array(value, dtype):
    return {"X": np.array([[value]], dtype=dtype)}


ROW = array(1, "float32")


def test_inputs_of_different_types_never_share_an_answer():
    feeds = [
        array(1, "int64"),
        array(1, "float32"),
        array(1, "float64"),
        array(True, "bool"),
        array("1", object),
        array("1.0", object),
    ]
    assert len({digest_of(feed) for feed in feeds}) == len(feeds)


def test_negative_zero_and_zero_are_told_apart():
    assert digest_of(array(-0.0, "float32")) != digest_of(array(0.0, "float32"))


@pytest.mark.parametrize("other", [{"version_id": 2}, {"sha256": "b" * 64}, {"is_internal": True}, {"owner_id": 8}])
def test_models_never_share_an_answer_nor_do_those_who_may_see_different_ones(other):
    assert key_of(SERVED, ROW) != key_of(replace(SERVED, **other), ROW)


def test_shape_is_part_of_the_key():
    row, column = np.zeros((1, 2), "float32"), np.zeros((2, 1), "float32")
    assert digest_of({"X": row}) != digest_of({"X": column})


@given(st.lists(st.text(), min_size=1, max_size=5), st.lists(st.text(), min_size=1, max_size=5))
def test_texts_share_a_key_only_when_they_are_equal(left, right):
    try:
        keys = [digest_of({"X": np.array(texts, dtype=object)}) for texts in (left, right)]
    except TypeError:
        return  # a lone surrogate; the parser turns those away before they come here
    assert (keys[0] == keys[1]) == (left == right)


def test_the_least_recently_used_answer_goes_first():
    cache = PredictionCache(max_size=2)
    for key in ("a", "b"):
        cache.put(key, ANSWER, 100)
    cache.get("a")
    cache.put("c", ANSWER, 100)
    assert [cache.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    assert (cache.counts.hits, cache.counts.misses, cache.counts.evictions) == (3, 1, 1)


def test_each_answer_has_a_time_to_live_of_its_own(monkeypatch):
    now = [0.0]
    stand_in(monkeypatch, prediction_cache, "time", monotonic=lambda: now[0])
    cache = PredictionCache(max_size=5)
    cache.put("short", ANSWER, 10)
    cache.put("long", ANSWER, 20)
    cache.put("none", ANSWER, 0)
    now[0] = 15.0
    assert [cache.get(key) is not None for key in ("short", "long", "none")] == [False, True, False]


def test_clearing_says_how_much_went():
    cache = PredictionCache(max_size=5)
    cache.put("a", ANSWER, 100)
    assert cache.clear() == 1
    assert len(cache) == 0


def test_a_models_own_time_to_live_decides_before_what_was_measured(settings):
    settings.CACHE_DEFAULT_TTL = 60.0
    assert seconds_for(Serving(), pays=True) == 60.0
    assert seconds_for(Serving(), pays=False) == 0.0
    assert seconds_for(Serving(cache_seconds=5.0), pays=False) == 5.0
    assert seconds_for(Serving(cache_seconds=0.0), pays=True) == 0.0


def ask(cache, compute, *, seconds=100.0, wait_seconds=60.0, shared=None):
    return cache.answer(KEY, compute, seconds=seconds, wait_seconds=wait_seconds, shared=shared)


def test_a_hundred_who_ask_at_once_cause_one_computation():
    cache, computed, got, everyone = PredictionCache(max_size=5), [], [], threading.Barrier(100)

    def compute():
        computed.append(1)
        threading.Event().wait(0.05)
        return ANSWER

    def run():
        everyone.wait()
        got.append(ask(cache, compute))

    threads = [threading.Thread(target=run) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(computed), len(got)) == (1, 100)
    assert all(answer is ANSWER for answer, _ in got)
    assert sorted(known for _, known in got) == [False] + [True] * 99
    assert (cache.counts.misses, cache.counts.hits) == (1, 99)


def test_a_failure_is_told_to_all_who_wait_and_is_not_remembered():
    cache = PredictionCache(max_size=5)
    with pytest.raises(ValueError, match="broken"):
        ask(cache, lambda: (_ for _ in ()).throw(ValueError("broken")))
    assert ask(cache, lambda: ANSWER) == (ANSWER, False)


def test_who_waits_for_anothers_computation_waits_no_longer_than_it_may():
    cache, begun, go = PredictionCache(max_size=5), threading.Event(), threading.Event()

    def compute():
        begun.set()
        go.wait(60)
        return ANSWER

    leader = threading.Thread(target=ask, args=(cache, compute))
    leader.start()
    begun.wait(60)
    with pytest.raises(TimeoutError):
        ask(cache, compute, wait_seconds=0.01)
    go.set()
    leader.join()
    assert ask(cache, compute) == (ANSWER, True)


def test_the_second_level_is_asked_before_the_model_and_filled_after_it():
    elsewhere = {}
    shared = Shared(elsewhere.get, lambda key, answer, seconds: elsewhere.update({key: answer}))
    assert ask(PredictionCache(max_size=5), lambda: ANSWER, shared=shared) == (ANSWER, False)
    other = PredictionCache(max_size=5)
    assert ask(other, lambda: pytest.fail("computed again"), shared=shared) == (ANSWER, True)
    assert other.counts.shared_hits == 1


def test_another_epoch_forgets_and_never_meets_what_was_known_before():
    before = key_of(SERVED, ROW)
    prediction_cache.cache.put(before, ANSWER, 100)
    epoch = prediction_cache._epoch
    try:
        assert prediction_cache.enter_epoch(epoch + 1)
        assert not prediction_cache.enter_epoch(epoch + 1)
        assert len(prediction_cache.cache) == 0
        assert key_of(SERVED, ROW) != before
    finally:
        prediction_cache.enter_epoch(epoch)
