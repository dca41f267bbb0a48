"""What Prometheus is told by real processes: every request once, whoever answered it, also when one is killed."""

import os
import random
import signal
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.load import Load
from tests.live.stack import Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

PREDICT = "/api/v1/predict/oracle"


def scraped(running: Stack, sample_name: str, /, **labels: str) -> float:
    status, _, text = running.call("GET", "/metrics")
    assert status == 200, text
    families = text_string_to_metric_families(text.decode())
    samples = [sample for family in families for sample in family.samples if sample.name == sample_name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


# The lane changes who counts, not what the database adds up.
@pytest.mark.parametrize("fast_lane", ["true", pytest.param("false", marks=pytest.mark.once)])
def test_over_four_workers_the_totals_are_what_was_sent(stack: Any, oracle: Any, fast_lane: str) -> None:
    running = stack(workers=4, settings={"FAST_LANE": fast_lane})
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    with Load(running, threads=8) as load:
        wait_until(lambda: len(load.exchanges) >= 400, 120, lambda: running.log("server"))
    refused = [running.call("POST", PREDICT, {"instances": [["one", 2]]})[0] for _ in range(9)]
    lists = [running.call("GET", "/api/v1/models")[0] for _ in range(13)]

    assert (refused, lists, load.broken) == ([422] * 9, [200] * 13, [])
    sent = len(load.exchanges)
    answered = scraped(running, "ml_prediction_total", model="oracle", version="1")
    assert answered == sent + 9
    assert scraped(running, "ml_prediction_total", model="oracle", status="invalid") == 9
    assert scraped(running, "ml_invalid_input_total", model="oracle") == 9
    by_view = "django_http_responses_total_by_status_view_method_total"
    assert scraped(running, by_view, view="api-models", method="GET", status="200") == 13
    # The histogram follows with the heartbeats.
    wait_until(lambda: scraped(running, "ml_prediction_latency_seconds_count", model="oracle") == sent + 9, 120)
    hits, misses = "ml_model_cache_hits_total", "ml_model_cache_misses_total"
    wait_until(lambda: scraped(running, hits, type="model") + scraped(running, misses, type="model") >= sent, 120)
    assert scraped(running, "ml_serving_processes", ready="true") == 4


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_when_workers_are_killed_what_was_answered_is_counted_and_nothing_twice(
    stack: Any, oracle: Any, kills: int
) -> None:
    running = stack(workers=4)
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    chance = random.Random(11)
    with Load(running, threads=6) as load:
        for kill in range(1, kills + 1):
            wait_until(lambda enough=50 * kill: len(load.exchanges) >= enough, 120, lambda: running.log("server"))
            os.kill(chance.choice(running.children("server")), signal.SIGKILL)
        wait_until(lambda: len(load.exchanges) >= 50 * (kills + 1), 120, lambda: running.log("server"))

    acknowledged = sum(exchange.status == 200 for exchange in load.exchanges)
    sent = len(load.exchanges) + len(load.broken)
    told = scraped(running, "ml_prediction_total", model="oracle")
    assert acknowledged <= told <= sent
    assert acknowledged == len(load.exchanges) > 0


@pytest.mark.once  # the counts lie in files
def test_a_server_that_starts_anew_forgets_the_counts_of_the_one_before(stack: Any, oracle: Any) -> None:
    """To Prometheus that is the restart it knows; and the files of dead processes don't pile up."""
    running = stack(workers=2)
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    for _ in range(5):
        assert running.call("POST", PREDICT, {"instances": [[1.0, 0.0]]})[0] == 200
    assert scraped(running, "ml_prediction_total", model="oracle") == 5
    before = len(list((running.directory / "metrics").glob("*.db")))

    running.stop("server")
    running.start_server()

    assert scraped(running, "ml_prediction_total", model="oracle") == 0
    assert len(list((running.directory / "metrics").glob("*.db"))) <= before
