"""Predictions under pressure: at once, too slow, too many, broken; with a real model behind the real conductor."""

import threading
import time
from types import SimpleNamespace

import pytest

from accounts.principal import Principal
from inference import measures, model_cache, prediction_cache, predictor
from inference.errors import DeadlineExceeded, ModelOverloaded
from inference.handlers.base import Payload
from inference.measures import Measures
from monitoring import spool
from monitoring.models import PredictionLog
from registry import resolver, services
from registry.errors import DigestMismatch
from tests.live.stack import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
FOREVER = 50_000_000


@pytest.fixture
def live(ada, served_version):
    """Activates a version of the oracle with these facts and settings."""

    def make(serving=None, **facts):
        version = served_version(**facts)
        if serving:
            services.change_model(model=version.model, by=ada, **serving)
        services.activate(version=version, by=ada)
        return version

    return make


@pytest.fixture
def ask(ada):
    """Asks for x's answer; returns the Answer."""
    principal = Principal(user=ada, scopes=frozenset({"predict"}), key_id=None)

    def ask(x=1.0, *, ref="oracle", use_cache=True, rows=1):
        question = predictor.Question(Payload("instances", [[x, 0.0]] * rows), use_cache)
        return predictor.predict(principal=principal, reference=ref, read=lambda: question, request_id="r")

    return ask


def recorded():
    while spool.ship_once():
        pass
    return list(PredictionLog.objects.order_by("created_at"))


def in_threads(count, work):
    everyone, got = threading.Barrier(count), []

    def run(number):
        everyone.wait()
        try:
            got.append(work(number))
        except Exception as error:
            got.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.fixture
def measured_alone(monkeypatch):
    """Models are measured by the time of this process, which nobody else on the machine can take from them."""
    monkeypatch.setattr(measures, "time", SimpleNamespace(perf_counter=time.process_time))


def counted(monkeypatch, ada, ref="oracle", waiting=0):
    """Counts the calls of the loaded model. The first lasts until so many requests wait."""
    loaded, calls = model_cache.cache.get(resolver.resolve(ref, user=ada)), []

    class Counting:
        run_options = loaded.model.run_options

        def predict(self, *given):
            calls.append(1)
            if len(calls) == 1:
                wait_until(lambda: len(loaded.joiner._queue) >= waiting, 60)
            return loaded.model.predict(*given)

    monkeypatch.setitem(
        model_cache.cache._loaded,
        loaded.served.version_id,
        model_cache.replace(loaded, model=Counting()),
    )
    return calls


def test_a_hundred_who_ask_the_same_of_a_cold_model_cause_one_load_and_one_inference(live, ask, monkeypatch, ada):
    live(rounds=20_000)
    loads, real = [], model_cache.load
    monkeypatch.setattr(model_cache, "load", lambda served: loads.append(1) or real(served))
    resolver.resolve("oracle", user=ada)  # threads would each open a connection of their own
    missed = prediction_cache.cache.counts.misses
    got = in_threads(100, lambda _: ask(5.0))
    assert [answer.predictions.predictions for answer in got] == [[6.0]] * 100
    assert len(loads) == 1
    assert prediction_cache.cache.counts.misses - missed == 1
    assert sorted(answer.cache for answer in got) == ["hit"] * 99 + ["miss"]
    assert sorted({row.outcome for row in recorded()}) == ["cached", "ok"]


def test_two_models_with_the_same_body_never_share_an_answer(live, ask):
    live(name="one", offset=1.0)
    live(name="two", offset=2.0)
    got = in_threads(20, lambda number: (number % 2, ask(5.0, ref=("one", "two")[number % 2])))
    assert {(which, answer.predictions.predictions[0]) for which, answer in got} == {(0, 6.0), (1, 7.0)}


def test_no_answer_is_older_than_the_switch_before_it(live, ask, ada, served_version):
    """Every answer names its version; none that was asked for after a switch may come from before it."""
    first = live(offset=1000.0)
    second = served_version(offset=2000.0)
    resolver.resolve("oracle", user=ada)
    stop, wrong, answers = threading.Event(), [], []
    switched = [1]

    def read():
        while not stop.is_set():
            least = switched[0]
            answer = ask(5.0)
            answers.append(answer)
            if answer.served.number < least or answer.predictions.predictions != [answer.served.number * 1000 + 5.0]:
                wrong.append((least, answer))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: len(answers) >= 10, 60)
        services.activate(version=second, by=ada)
        switched[0] = second.number
        enough = len(answers) + 10
        wait_until(lambda: len(answers) >= enough, 60)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert {answer.served.number for answer in answers} == {first.number, second.number}


def test_a_cheap_model_is_not_cached_unless_its_owner_says_so(live, ask, ada):
    version = live()
    loaded = model_cache.cache.get(resolver.resolve("oracle", user=ada))
    cheap = model_cache.replace(loaded, measures=Measures(call_ms=0.005, answer_ms=0.006, cache_ms=0.006))
    model_cache.cache._loaded[version.pk] = cheap
    assert [ask(5.0).cache for _ in range(2)] == ["bypass", "bypass"]
    services.change_model(model=version.model, by=ada, cache_ttl_seconds=60)
    assert [ask(5.0).cache for _ in range(2)] == ["miss", "hit"]
    services.change_model(model=version.model, by=ada, cache_ttl_seconds=0)
    assert ask(5.0).cache == "bypass"


def test_what_a_model_costs_is_measured_with_its_golden_rows(live, ada, measured_alone):
    golden = {"instances": [[1.0, 0.0], [2.0, 0.0]], "predictions": [2.0, 3.0], "probabilities": None}
    live(name="quick", golden=golden)
    live(name="slow", golden=golden, rounds=20_000)
    quick, slow = (model_cache.cache.get(resolver.resolve(name, user=ada)).measures for name in ("quick", "slow"))
    assert (slow.pays_to_cache, slow.pays_to_share, slow.pays_to_join) == (True, True, True)
    assert (quick.pays_to_share, quick.pays_to_join) == (False, False)
    assert quick.call_ms < slow.call_ms


def test_requests_at_once_for_a_model_where_it_pays_share_calls_and_get_their_own_answers(
    live, ask, ada, measured_alone, monkeypatch
):
    golden = {"instances": [[1.0, 0.0]], "predictions": [2.0], "probabilities": None}
    live(golden=golden, rounds=20_000)
    resolver.resolve("oracle", user=ada)
    calls = counted(monkeypatch, ada, waiting=8)
    got = in_threads(24, lambda number: (number, ask(float(number), use_cache=False)))
    assert all(answer.predictions.predictions == [number + 1.0] for number, answer in got)
    assert len(calls) < 24


def test_a_model_past_its_deadline_answers_504_and_is_recorded_as_timed_out(live, ask):
    live(rounds=FOREVER, serving={"deadline_ms": 50})
    with pytest.raises(DeadlineExceeded):
        ask()
    assert [(row.outcome, row.status_code, row.error_code) for row in recorded()] == [
        ("timeout", 504, "deadline_exceeded")
    ]


def test_more_than_a_model_can_take_is_refused_and_the_others_are_answered(live, ask, ada):
    live(rounds=100_000, serving={"max_concurrent": 1, "max_queued": 1})
    resolver.resolve("oracle", user=ada)
    model_cache.cache.get(resolver.resolve("oracle", user=ada))
    got = in_threads(12, lambda number: ask(float(number), use_cache=False))
    answered = [one for one in got if isinstance(one, predictor.Answer)]
    refused = [one for one in got if isinstance(one, ModelOverloaded)]
    assert len(answered) + len(refused) == 12
    assert refused
    assert len(answered) >= 2
    assert {row.status_code for row in recorded()} == {200, 503}


def test_one_slow_model_never_holds_every_thread(live, ask, ada, settings):
    settings.THREADS = 4
    live(name="slow", rounds=300_000)
    live(name="quick")
    for name in ("slow", "quick"):
        model_cache.cache.get(resolver.resolve(name, user=ada))
    ask(0.0, ref="slow", use_cache=False)  # now it is known to be slow
    model_cache.cache.get(resolver.resolve("slow", user=ada)).measures.recent_ms = 300.0
    got = in_threads(4, lambda number: ask(float(number), ref="slow", use_cache=False))
    assert sum(isinstance(one, ModelOverloaded) for one in got) >= 1
    assert ask(1.0, ref="quick").predictions.predictions == [2.0]


def test_the_time_told_is_the_models_own_without_the_wait_for_a_place(live, ask, ada):
    live(rounds=100_000, serving={"max_concurrent": 1})
    resolver.resolve("oracle", user=ada)
    model_cache.cache.get(resolver.resolve("oracle", user=ada))
    in_threads(4, lambda number: ask(float(number), use_cache=False))
    assert any(row.latency_ms > 1.5 * row.inference_ms for row in recorded())


# -- Fallbacks ----------------------------------------------------------------------------------------


def test_a_fallback_answers_for_a_model_that_is_too_slow_marked_and_uncached(live, ask):
    live(rounds=FOREVER, serving={"deadline_ms": 50, "fallback": -1.0})
    answer = ask(rows=2)
    assert (answer.predictions.predictions, answer.degraded, answer.cache) == (
        [-1.0, -1.0],
        "deadline_exceeded",
        "bypass",
    )
    assert len(prediction_cache.cache) == 0
    [row] = recorded()
    assert (row.outcome, row.status_code, row.error_code) == ("fallback", 200, "deadline_exceeded")


def test_a_fallback_answers_for_a_model_that_can_not_be_loaded(live, ask, var_dir):
    version = live(serving={"fallback": -1.0})
    (var_dir / "models" / version.artifact).write_bytes(b"damaged")
    assert ask().degraded == "digest_mismatch"
    assert [row.outcome for row in recorded()] == ["fallback"]


def test_a_fallback_never_hides_what_is_wrong_with_the_request(live, ask):
    live(serving={"fallback": -1.0})
    with pytest.raises(Exception, match="number"):
        ask("text")


def test_without_a_fallback_the_error_is_told(live, ask, var_dir):
    version = live()
    (var_dir / "models" / version.artifact).write_bytes(b"damaged")
    with pytest.raises(DigestMismatch):
        ask()
