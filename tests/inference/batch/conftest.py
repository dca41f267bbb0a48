"""Jobs of Ada's on the oracle, which answers x + 1."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from inference.batch import child, services
from inference.batch.models import BatchJob
from inference.bulk import planning, records

ROWS = b"x,y\n" + b"".join(b"%d,0\n" % at for at in range(100))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: Any) -> None:
    """Ten parts of ten rows."""
    monkeypatch.setattr(planning, "PART_ROWS", 10)
    monkeypatch.setattr(records, "BLOCK_BYTES", 1 << 16)


@pytest.fixture
def version(served_version: Any) -> Any:
    return served_version("oracle", 1.0)


@pytest.fixture
def ask(ada: Any, version: Any) -> Callable[..., BatchJob]:
    def ask(content: bytes = ROWS, name: str = "rows.csv", **facts: Any) -> BatchJob:
        file = SimpleUploadedFile(name, content)
        return services.ask(**{"version": version, "by": ada, "file": file, **facts})

    return ask


@pytest.fixture
def work() -> Callable[[], BatchJob | None]:
    """Runs the next job to its end in this process."""

    def work() -> BatchJob | None:
        return BatchJob.objects.exclude(ended_at=None).latest("ended_at") if child.run_next() else None

    return work
