"""The sandboxed process: lock down, import, read one request, run one task, write one result.

Started by `launch` as a script in isolated mode. The packages above this file are set up by hand, so
that none of the platform's own start-up code runs in here.
"""

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

SANDBOX = Path(__file__).resolve().parent
INFERENCE = SANDBOX.parent.parent
PACKAGES = {
    "inference": INFERENCE,
    "inference.validation": SANDBOX.parent,
    "inference.validation.sandbox": SANDBOX,
}
TASKS = {
    "convert": ("inference.validation.tasks.convert", "convert"),
    "convert_torch": ("inference.validation.tasks.convert_torch", "convert"),
    "probe": ("inference.validation.tasks.probe", "probe"),
}


def declare_packages() -> None:
    """Packages with a path and no code of their own."""
    for name, directory in PACKAGES.items():
        package = types.ModuleType(name)
        package.__path__ = [str(directory)]
        sys.modules[name] = package


class Memory:
    """This process's memory, read through a descriptor that was opened before the lock-down."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page = os.sysconf("SC_PAGE_SIZE")

    def mapped_bytes(self) -> int:
        return self._pages(0) * self._page

    def resident_bytes(self) -> int:
        return self._pages(1) * self._page

    def _pages(self, field: int) -> int:
        return int(os.pread(self._file, 200, 0).split()[field])


def main(arguments: list[str]) -> None:
    """arguments: task, artifact, request and result descriptors, parent pid, cpu seconds, strict."""
    task, artifact, request, result, parent, cpu_seconds, strict = arguments
    declare_packages()
    from inference.validation.sandbox import frames, lockdown

    memory = Memory()
    channel = Channel(int(result), frames)
    try:
        layers = lockdown.enter(
            own_code=str(INFERENCE),
            parent=int(parent),
            cpu_seconds=int(cpu_seconds),
            require_layers=strict == "1",
        )
    except OSError as error:
        channel.fail("sandbox_unavailable", f"This machine cannot lock the sandbox down: {error}")
        return
    channel.send({"kind": "locked", "layers": layers})
    _run(TASKS[task], int(artifact), frames.decode(_read_all(int(request))), channel, memory, lockdown)


def _run(task: tuple[str, str], artifact: int, request: Any, channel: "Channel", memory: Memory, lockdown: Any) -> None:
    from importlib import import_module

    from inference.errors import ValidationFailed

    try:
        function = getattr(import_module(task[0]), task[1])
        lockdown.limit_memory(request.header["memory_bytes"], memory.mapped_bytes())
        with os.fdopen(artifact, "rb") as stream:
            stream.seek(0)
            header, blobs = function(stream, request, channel.progress, memory)
        channel.send({"kind": "result", **header}, blobs)
    except ValidationFailed as error:
        channel.fail(error.code, error.message, error.field)
    except MemoryError:
        channel.fail("memory_limit", "The model needs more memory than validation allows.", "file")
    except Exception as error:
        channel.fail("crashed", f"The model cannot be used: {type(error).__name__}: {error}", "file")


class Channel:
    """Frames to the platform, over a descriptor of their own: a model may print what it likes."""

    def __init__(self, descriptor: int, frames: Any) -> None:
        self._descriptor = descriptor
        self._encode: Callable[..., bytes] = frames.encode

    def send(self, header: dict[str, Any], blobs: Any = ()) -> None:
        data = memoryview(self._encode(header, blobs))
        while data:
            data = data[os.write(self._descriptor, data) :]

    def fail(self, code: str, message: str, field: str | None = None) -> None:
        self.send({"kind": "failed", "code": code, "message": message[:4000], "field": field})

    def progress(self, stage: str, fraction: float) -> None:
        self.send({"kind": "progress", "stage": stage, "fraction": fraction})


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return stream.read()


if __name__ == "__main__":
    main(sys.argv[1:])
