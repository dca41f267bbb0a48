"""The platform's side of the sandbox: start it, feed it, listen to it, end it in time.

Everything that comes back is judged as if a stranger had sent it.
"""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from inference.errors import ValidationFailed
from inference.validation.limits import FAILURE_CODES, Limits, plain_text
from inference.validation.sandbox import frames, landlock, seccomp

CHILD = Path(__file__).with_name("child.py")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1",
}  # fmt: skip
CHUNK_BYTES = 1 << 20
STDERR_BYTES = 16_384
POLL_SECONDS = 0.5
GRACE_SECONDS = 5.0
MAX_PROGRESS = 100

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the task answered, unjudged: the header's content is still a stranger's word."""

    header: dict[str, Any]
    blobs: tuple[bytes, ...]
    layers: tuple[str, ...]


@dataclass(slots=True)
class _Conversation:
    """What has been heard so far."""

    progress: Progress
    result: frames.Frame | None = None
    failure: ValidationFailed | None = None
    layers: tuple[str, ...] = ()
    stderr: bytearray = field(default_factory=bytearray)
    messages: int = 0

    def hear(self, frame: frames.Frame) -> None:
        header = frame.header
        kind = header.get("kind")
        if kind == "progress" and self.messages < MAX_PROGRESS:
            self.messages += 1
            self.progress(plain_text(header.get("stage"), 60), _fraction(header.get("fraction")))
        elif kind == "locked":
            told = header.get("layers")
            self.layers = tuple(plain_text(name, 20) for name in told[:8]) if isinstance(told, list) else ()
        elif kind == "failed":
            self.failure = _failure(header)
        elif kind == "result":
            self.result = frame


def layers() -> dict[str, bool]:
    """Which kernel layers this machine offers."""
    return {"landlock": landlock.abi() >= 1, "seccomp": seccomp.available()}


def run(
    *,
    task: str,
    artifact: int,
    request: dict[str, Any],
    blobs: Sequence[bytes] = (),
    limits: Limits,
    progress: Progress,
    require_layers: bool = True,
) -> Reply:
    """Runs `task` on the open descriptor `artifact` in a process of its own.

    Raises ValidationFailed: what the task said, or timed_out, crashed, memory_limit,
    output_too_large, sandbox_unavailable. No process is left behind.
    """
    question = frames.encode({**request, "memory_bytes": limits.memory_bytes}, blobs)
    heard = _Conversation(progress)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as empty, _sealed(question) as letter:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as answers:
            try:
                process = _start(task, artifact, letter.fileno(), writing, empty, limits, require_layers)
            finally:
                os.close(writing)
            try:
                in_time = _listen(process, answers, heard, limits)
            except BaseException:
                _stop(process)
                raise
            status = _finish(process) if in_time else _stop(process)
    if not in_time:
        raise ValidationFailed(
            "timed_out",
            f"The model did not finish within {limits.wall_seconds:g} seconds. Upload a smaller or simpler model.",
            field="file",
        )
    if heard.failure is not None:
        raise heard.failure
    if heard.result is None:
        raise _explain(status, bytes(heard.stderr))
    return Reply(heard.result.header, heard.result.blobs, heard.layers)


def _sealed(data: bytes) -> IO[bytes]:
    """A file without a name that holds `data`."""
    letter = os.fdopen(os.memfd_create("request"), "w+b")
    letter.write(data)
    letter.flush()
    return letter


def _start(
    task: str, artifact: int, letter: int, writing: int, empty: str, limits: Limits, strict: bool
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-W", "ignore", str(CHILD), task]
    numbers = (artifact, letter, writing, os.getpid(), limits.cpu_seconds, int(strict))
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own script
        [*command, *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=empty,
        pass_fds=(artifact, letter, writing),
        start_new_session=True,
    )


def _listen(process: "subprocess.Popen[bytes]", answers: IO[bytes], heard: _Conversation, limits: Limits) -> bool:
    """Hears the process out; False when its time is over."""
    deadline = time.monotonic() + limits.wall_seconds
    reader = frames.Reader(limits.output_bytes)
    errors = process.stderr
    assert errors is not None
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ, "answers")
        selector.register(errors, selectors.EVENT_READ, "errors")
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            for key, _ in selector.select(min(remaining, POLL_SECONDS)):
                data = os.read(key.fd, CHUNK_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.data == "errors":
                    heard.stderr += data
                    del heard.stderr[:-STDERR_BYTES]
                else:
                    _hear_all(reader, data, heard)
    return True


def _hear_all(reader: frames.Reader, data: bytes, heard: _Conversation) -> None:
    try:
        for frame in reader.feed(data):
            heard.hear(frame)
    except frames.FrameTooLarge:
        raise ValidationFailed(
            "output_too_large", "The compiled model is larger than validation allows.", field="file"
        ) from None
    except frames.FrameInvalid:
        raise ValidationFailed("crashed", "The model disturbed the process that checks it.", field="file") from None


def _finish(process: "subprocess.Popen[bytes]") -> int:
    """The exit status of a process that has stopped talking; it may not linger."""
    try:
        status = process.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return _stop(process)
    _close(process)
    return status


def _stop(process: "subprocess.Popen[bytes]") -> int:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    status = process.wait()
    _close(process)
    return status


def _close(process: "subprocess.Popen[bytes]") -> None:
    if process.stderr is not None:
        process.stderr.close()


def _explain(status: int, stderr: bytes) -> ValidationFailed:
    """The failure behind a process that ended without an answer."""
    if status == -signal.SIGXCPU:
        return ValidationFailed(
            "timed_out", "The model used up the processor time that validation allows.", field="file"
        )
    out_of_memory = b"MemoryError" in stderr or b"bad_alloc" in stderr or status == -signal.SIGKILL
    if out_of_memory:
        return ValidationFailed("memory_limit", "The model needs more memory than validation allows.", field="file")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return ValidationFailed(
        "crashed",
        f"The model ended the process that checks it ({how}). Its content is damaged or inconsistent:"
        " fit and save it again.",
        field="file",
    )


def _failure(header: dict[str, Any]) -> ValidationFailed:
    code = header.get("code")
    if code not in FAILURE_CODES:
        code = "crashed"
    where = header.get("field")
    return ValidationFailed(
        str(code),
        plain_text(header.get("message"), 2000),
        field=where if where in ("file", "sample", "expected", "task", "handler") else None,
    )


def _fraction(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, (int, float)) else 0.0
