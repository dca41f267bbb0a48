import pytest
import redis

from inference import shared_answers
from inference.handlers.base import Predictions
from inference.prediction_cache import Key
from inference.shared_answers import SharedAnswers
from tests.live.stack import wait_until
from tests.redis_proxy import RedisProxy, own_redis_database, own_redis_url, redis_answers

URL = own_redis_url()
needs_redis = pytest.mark.skipif(not redis_answers(URL), reason="No Redis answers on 127.0.0.1:6379.")
KEY = Key(0, 1, "a" * 64, 7, b"digest")
_NO_LIST = b'{"predictions": 1, "probabilities": null, "classes": null, "confidence": null}'
ANSWER = Predictions(["yes"], [[0.25, None]], ["yes", "no"], [0.25])


@pytest.fixture
def own_redis():
    client = redis.Redis.from_url(URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@needs_redis
def test_an_answer_is_the_same_for_another_process_and_runs_out(own_redis):
    SharedAnswers(URL).put(KEY, ANSWER, 30)
    assert SharedAnswers(URL).get(KEY) == ANSWER
    assert SharedAnswers(URL).get(KEY._replace(epoch=1)) is None
    [name] = own_redis.keys("*")
    assert 0 < own_redis.pttl(name) <= 30_000


@needs_redis
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b"\x80\x04.",
        _NO_LIST,
    ],
)
def test_what_is_no_answer_counts_as_none(own_redis, text):
    own_redis.set(shared_answers._name(KEY), text)
    assert SharedAnswers(URL).get(KEY) is None


@needs_redis
def test_a_redis_that_goes_away_is_left_alone_and_found_again(own_redis, settings):
    settings.CIRCUIT_BREAKER_FAILURE_THRESHOLD, settings.CIRCUIT_BREAKER_RECOVERY_TIMEOUT = 2, 0.0001
    with RedisProxy() as proxy:
        answers = SharedAnswers(proxy.url(own_redis_database()))
        answers.put(KEY, ANSWER, 30)
        proxy.cut()
        assert [answers.get(KEY) for _ in range(3)] == [None, None, None]
        assert answers.breaker.state == "open"
        proxy.mend()
        wait_until(lambda: answers.get(KEY) == ANSWER, 60)
        assert answers.breaker.state == "closed"


def test_without_redis_there_is_no_second_level(settings):
    settings.CACHE_REDIS_URL = ""
    assert shared_answers.level() is None
