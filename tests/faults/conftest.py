"""One platform for all faults, one after the other: what one leaves behind, the next one meets."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import book
from tests.faults.platform import Platform, running

DISK = "160m"


def fault_of(item: pytest.Item) -> str:
    """The line of the table that a test tries; empty for those of the rig itself."""
    mark, call = item.get_closest_marker("fault"), getattr(item, "callspec", None)
    return str(mark.args[0] if mark else call.params.get("fault", "") if call else "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """FAULTS_ONLY names those that are tried, where not all are."""
    only = os.environ.get("FAULTS_ONLY", "").split()
    if only:
        others = [item for item in items if fault_of(item) not in only]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory on a file system of its own that can be filled; an ordinary one without the right to mount."""
    directory = tmp_path_factory.mktemp("faults")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(directory)]
    is_mounted = bool(shutil.which("mount")) and not subprocess.run(mount, capture_output=True, check=False).returncode
    yield directory
    if is_mounted:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.fixture(scope="session")
def platform(small_disk: Path) -> Iterator[Platform]:
    """The platform, running, with its capacity measured."""
    with running(small_disk) as started:
        book.keep_measured(capacity=started.capacity, rate=started.rate)
        yield started
