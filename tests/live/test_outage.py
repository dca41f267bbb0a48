"""The database falls silent under a running platform."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests.fault_proxy import FaultProxy
from tests.live.stack import Client, Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]


def are_ready(running: Stack) -> bool:
    return running.query("SELECT COUNT(*) FROM monitoring_servingprocess WHERE is_ready") == [(2,)]


def ask(client: Client) -> int:
    return client.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})[0]


def test_whom_one_process_knows_each_of_them_answers(stack: Callable[..., Stack], oracle: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is never silent")
    running = stack(workers=2)
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    with FaultProxy(5432) as proxy:
        running.stop("server")
        running.environment["DATABASE_URL"] = running.database_url.replace(":5432/", f":{proxy.port}/")
        running.start_server()
        wait_until(lambda: are_ready(running), 120, lambda: running.log("server"))
        with contextlib.closing(running.client()) as client:  # one connection, so one process
            assert ask(client) == 200
        proxy.is_black_hole = True
        told = []
        for _ in range(16):  # so many connections, so both
            with contextlib.closing(running.client()) as client:
                told.append(ask(client))
        proxy.mend()
    assert told == [200] * 16
