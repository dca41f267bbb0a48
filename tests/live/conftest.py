"""Running platforms for the live tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests import migrated, toys
from tests.live.prepared import Prepared, prepare
from tests.live.stack import Stack, bare_environment, postgres_database


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Made once by each process that runs tests: on PostgreSQL when the test run is, else on SQLite."""
    directory = tmp_path_factory.mktemp("prepared")
    with ExitStack() as resources:
        url = ""
        if connection.vendor == "postgresql":
            url = resources.enter_context(postgres_database(like=migrated.database_url()))
        else:
            migrated.copy_file_to(directory / "db.sqlite3")
        yield prepare(directory, bare_environment(), url)


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Callable[..., Stack]]:
    """Starts platforms that begin as what was prepared. All of it ends with the test."""
    with ExitStack() as resources:

        def start(*, workers: int, jobs: bool = True, settings: dict[str, str] | None = None) -> Stack:
            directory = Path(str(tmp_path_factory.mktemp("stack")))
            url = ""
            if prepared.database_url:
                url = resources.enter_context(postgres_database(like=prepared.database_url))
            running = Stack(directory, workers=workers, database_url=url, settings=settings)
            resources.callback(running.stop_all)
            running.begin_as(prepared)
            if jobs:
                running.start("jobs", "runjobs")
            running.start_server()
            return running

        yield start


@pytest.fixture
def oracle() -> Callable[[Stack, int], Any]:
    """Uploads version N of the oracle, which answers x + 1000 N, and waits until it is ready."""

    def upload(running: Stack, number: int) -> Any:
        status, body = running.upload("oracle", toys.oracle(1000.0 * number), task="regression")
        assert status == 201, (body, running.log("jobs"))
        assert body["version"]["number"] == number
        return body

    return upload
