"""The sandbox's tasks in this process: the same work and the same words, but no walls and no new interpreter.

For files that tests made themselves. Each run of the sandbox imports scikit-learn, a compiler and ONNX Runtime anew,
which takes seconds; here they are imported once. Tests of the walls, and of what a file may do to them, use the real
one.
"""

import os
import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from inference.validation import sandbox
from inference.validation.limits import Limits
from inference.validation.sandbox import child, frames, launch


def run(
    *,
    task: str,
    artifact: int,
    request: dict[str, Any],
    blobs: Sequence[bytes] = (),
    limits: Limits,
    progress: launch.Progress,
    require_layers: bool = True,
) -> sandbox.Reply:
    """As `sandbox.run`: what crosses the wall there is written and read as frames here, too."""
    question = frames.decode(frames.encode({**request, "memory_bytes": limits.memory_bytes}, blobs))
    heard, memory = launch._Conversation(progress), child.Memory()
    unlimited = SimpleNamespace(limit_memory=lambda extra_bytes, in_use_bytes: None)
    try:
        with (
            os.fdopen(os.memfd_create("answers"), "w+b") as answers,
            warnings.catch_warnings(),
            patch.dict(os.environ),
        ):
            warnings.simplefilter("ignore")
            channel = child.Channel(answers.fileno(), frames)
            child._run(child.TASKS[task], os.dup(artifact), question, channel, memory, unlimited)
            answers.seek(0)
            launch._hear_all(frames.Reader(limits.output_bytes), answers.read(), heard)
    finally:
        os.close(memory._file)
    if heard.failure is not None:
        raise heard.failure
    assert heard.result is not None
    return sandbox.Reply(heard.result.header, heard.result.blobs, heard.layers)


@pytest.fixture
def opened_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is found in a file, and of what is said about it."""
    monkeypatch.setattr(sandbox, "run", run)
