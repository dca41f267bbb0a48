"""The sandbox holds even when the filter does not: trusted files may name any global, and still reach nothing."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from inference.errors import ValidationFailed
from inference.validation import Limits, limits, sandbox, sandbox_layers, validate
from inference.validation.sandbox import frames, landlock, launch, lockdown, seccomp
from tests.inference.validation import hostile
from tests.live.stack import wait_until

pytestmark = pytest.mark.skipif(not all(sandbox.layers().values()), reason="this kernel lacks a layer of the sandbox")

# Each line is tried in the sandbox; what it may not do must raise. The last word is the list of what worked.
ATTACKS = """
import os, sys, socket, ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno())
attempts = {
    'shell': lambda: os.system('true') == 0 or 1 / 0,
    'fork': os.fork,
    'spawn': lambda: os.posix_spawn('/bin/true', ['true'], {}),
    'exec': lambda: os.execv('/bin/true', ['true']),
    'direct execve': lambda: call(59, b'/bin/true', None, None),
    'direct fork': lambda: call(57),
    'tcp': lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    'udp': lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    'unix': lambda: socket.socket(socket.AF_UNIX),
    'pair': socket.socketpair,
    'write': lambda: open(CANARY, 'w'),
    'write here': lambda: open('canary', 'w'),
    'write in tmp': lambda: open('/tmp/canary-of-a-sandbox-test', 'w'),
    'append to a library': lambda: open(os.__file__, 'a'),
    'chmod': lambda: os.chmod(TARGET, 0o777),
    'chown': lambda: os.chown(TARGET, 0, 0),
    'utime': lambda: os.utime(TARGET, (0, 0)),
    'setxattr': lambda: os.setxattr(TARGET, 'user.x', b'1'),
    'truncate': lambda: os.truncate(TARGET, 0),
    'unlink': lambda: os.unlink(TARGET),
    'rename': lambda: os.rename(TARGET, CANARY),
    'symlink': lambda: os.symlink('/etc/passwd', CANARY),
    'mkdir': lambda: os.mkdir(CANARY),
    'read passwords': lambda: open('/etc/passwd').read(),
    'read a secret': lambda: open(TARGET).read(),
    'list tmp': lambda: os.listdir('/tmp'),
    'list home': lambda: os.listdir('/root'),
    'read own environment': lambda: open('/proc/self/environ').read(),
    'read the parent': lambda: open(f'/proc/{os.getppid()}/environ').read(),
    'list descriptors': lambda: os.listdir('/proc/self/fd'),
    'kill the parent': lambda: os.kill(os.getppid(), 9),
    'kill everybody': lambda: os.kill(-1, 9),
    'limit the parent': lambda: __import__('resource').prlimit(os.getppid(), 7, (0, 0)),
    'outlive the parent': lambda: call(157, 1, 0, 0, 0, 0),
    'ptrace': lambda: call(101, 16, os.getppid(), 0, 0),
    'unshare': lambda: call(272, 0x10000000),
    'memfd': lambda: os.memfd_create('x'),
    'io_uring': lambda: call(425, 1, ctypes.create_string_buffer(256)),
    'become root': lambda: os.setuid(0) or os.setgid(0) or call(165, b'none', b'/mnt', b'tmpfs', 0, 0),
    'mount': lambda: call(165, b'none', b'/mnt', b'tmpfs', 0, 0),
    'another filter': lambda: call(317, 1, 0, 0),
    'secrets': lambda: [name for name in os.environ if name not in ALLOWED] or 1 / 0,
}
worked = []
for name, attempt in attempts.items():
    try:
        attempt()
        worked.append(name)
    except BaseException:
        pass
thread = threading.Thread(target=lambda: worked.append('a thread runs'))
thread.start(); thread.join()
raise RuntimeError('worked: ' + ', '.join(worked))
"""


def attempted(tmp_path: Path, code: str) -> bytes:
    target = tmp_path / "secret"
    target.write_text("the secret")
    settings = f"CANARY, TARGET, ALLOWED = {str(tmp_path / 'canary')!r}, {str(target)!r}, {set(KNOWN)!r}\n"
    return hostile.dumped(hostile.Calls(exec, settings + code, {}))


KNOWN = (
    *launch.ENVIRONMENT,
    "LC_CTYPE",  # set by the interpreter
    "KMP_DUPLICATE_LIB_OK",  # set by numeric libraries for themselves
    "KMP_INIT_AT_FORK",
)


def refusal(content: bytes, tmp_path: Path, **bounds: Any) -> ValidationFailed:
    artifact = tmp_path / "model.joblib"
    artifact.write_bytes(content)
    with pytest.raises(ValidationFailed) as caught:
        validate(artifact=artifact, format="sklearn", trusted=True, limits=Limits(**{"wall_seconds": 60.0, **bounds}))
    assert children() == set()
    return caught.value


def children() -> set[int]:
    """Processes that this one started and has not collected."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(facts[1]) == os.getpid() and "sandbox/child.py" in _command(entry.parent):
            found.add(int(entry.parent.name))
    return found


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def test_code_that_runs_in_the_sandbox_can_do_nothing_but_compute(tmp_path: Path) -> None:
    error = refusal(attempted(tmp_path, ATTACKS), tmp_path)
    assert error.code == "unreadable"
    assert "worked: a thread runs)" in error.message
    assert (tmp_path / "secret").read_text() == "the secret"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["model.joblib", "secret"]
    assert not Path("/tmp/canary-of-a-sandbox-test").exists()


def test_the_same_code_works_outside_so_the_test_can_fail(tmp_path: Path) -> None:
    worked = []
    for attempt in (
        lambda: socket.socket().close(),
        lambda: (tmp_path / "canary").write_text("x"),
        lambda: Path("/etc/passwd").read_text(),
        lambda: os.chmod(tmp_path / "canary", 0o600),
    ):
        attempt()
        worked.append(attempt)
    assert len(worked) == 4


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import os; os._exit(0)", "crashed"),
        ("import os; os.abort()", "crashed"),
        ("x = bytearray(8 << 30)", "memory_limit"),
        ("x = []\nwhile True: x.append(bytearray(1 << 24))", "memory_limit"),
        ("import os\nfor n in range(3, 40):\n  try: os.write(n, b'garbage' * 9)\n  except OSError: pass", "crashed"),
    ],
)
def test_every_way_to_end_badly_has_its_code(code: str, expected: str, tmp_path: Path) -> None:
    content = attempted(tmp_path, code)
    assert refusal(content, tmp_path, memory_bytes=1 << 30).code == expected


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(1000)"])
def test_who_takes_too_long_is_stopped(code: str, tmp_path: Path) -> None:
    assert refusal(attempted(tmp_path, code), tmp_path, wall_seconds=4.0).code == "timed_out"


def test_processor_time_is_bounded_too(tmp_path: Path) -> None:
    assert refusal(attempted(tmp_path, "while True: pass"), tmp_path, cpu_seconds=4).code == "timed_out"


def test_too_much_output_is_cut_off(tmp_path: Path) -> None:
    code = (
        "import os\n"
        'header = b\'{"kind":"result","blobs":[67108864]}\'\n'
        "frame = b'MLP1' + len(header).to_bytes(8, 'big') + header\n"
        "for n in range(3, 40):\n"
        "  try: os.write(n, frame)\n"
        "  except OSError: pass"
    )
    assert refusal(attempted(tmp_path, code), tmp_path, output_bytes=1 << 20).code == "output_too_large"


def test_what_the_model_prints_disturbs_nothing(tmp_path: Path) -> None:
    code = "import os\nprint('x' * 100000)\nos.write(2, b'y' * 1000000)\nraise RuntimeError('the end')"
    error = refusal(attempted(tmp_path, code), tmp_path)
    assert (error.code, "the end" in error.message) == ("unreadable", True)


def test_a_forged_failure_keeps_to_the_known_codes_and_to_printable_text(tmp_path: Path) -> None:
    code = (
        "import os, json\n"
        "header = json.dumps({'kind': 'failed', 'code': 'root_access', 'message': '\\x1b[31mhi' * 9000,"
        " 'field': '../etc', 'blobs': []}).encode()\n"
        "for n in range(3, 40):\n"
        "  try: os.write(n, b'MLP1' + len(header).to_bytes(8, 'big') + header)\n"
        "  except OSError: pass\n"
        "os._exit(0)"
    )
    error = refusal(attempted(tmp_path, code), tmp_path)
    assert error.code in limits.FAILURE_CODES
    assert "\x1b" not in error.message
    assert len(error.message) <= 2000
    assert error.field is None


@pytest.mark.parametrize("child", [10**9, 0], ids=["far away", "itself"])
def test_a_tree_of_allowed_classes_that_leads_nowhere_harms_nobody(child: int, tmp_path: Path) -> None:
    artifact = tmp_path / "tree.joblib"
    artifact.write_bytes(hostile.dumped(hostile.broken_tree(child)))
    with pytest.raises(ValidationFailed) as caught:
        validate(artifact=artifact, format="sklearn", limits=Limits(wall_seconds=10.0))
    assert caught.value.code in ("crashed", "timed_out", "unreadable", "memory_limit", "schema_mismatch")
    assert children() == set()


def test_both_layers_hold_during_a_validation(tmp_path: Path) -> None:
    artifact = tmp_path / "model.joblib"
    artifact.write_bytes(hostile.dumped(hostile.classifier()))
    result = validate(artifact=artifact, format="sklearn")
    assert {"landlock", "seccomp"} <= set(result.report["layers"])


@pytest.mark.parametrize("missing", ["landlock", "seccomp"])
def test_without_a_layer_code_carrying_files_are_refused(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0 if missing == "landlock" else 7)
    monkeypatch.setattr(seccomp, "available", lambda: missing != "seccomp")
    assert sandbox_layers()[missing] is False
    error = refusal(hostile.dumped(hostile.classifier()), tmp_path)
    assert error.code == "sandbox_unavailable"
    assert missing in error.message


def test_the_sandbox_may_read_libraries_and_nothing_of_the_project_but_its_own_code() -> None:
    own = str(Path(landlock.__file__).parents[2])
    project = str(Path(own).parent)
    readable = lockdown.library_directories(own)
    assert own in readable
    assert project not in readable
    assert "/" not in readable


def test_progress_is_told_in_order(tmp_path: Path) -> None:
    artifact = tmp_path / "model.joblib"
    artifact.write_bytes(hostile.dumped(hostile.classifier()))
    told: list[tuple[str, float]] = []
    validate(artifact=artifact, format="sklearn", progress=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] <= 1
    assert all(stage for stage, _ in told)


def test_who_is_no_longer_wanted_is_stopped(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(stage: str, fraction: float) -> None:
        raise Enough

    artifact = tmp_path / "model.joblib"
    artifact.write_bytes(hostile.dumped(hostile.classifier()))
    with pytest.raises(Enough):
        validate(artifact=artifact, format="sklearn", progress=stop)
    wait_until(lambda: children() == set(), 60)


class TestFrames:
    def test_a_frame_survives_the_wire_in_pieces(self) -> None:
        data = frames.encode({"kind": "result", "value": 1}, [b"abc", b""])
        reader = frames.Reader(1000)
        found = [frame for at in range(len(data)) for frame in reader.feed(data[at : at + 1])]
        assert [(frame.header, frame.blobs) for frame in found] == [({"kind": "result", "value": 1}, (b"abc", b""))]

    @pytest.mark.parametrize(
        "data",
        [
            b"pickle!!!!!!",
            b"MLP1" + (2).to_bytes(8, "big") + b"[]",
            b"MLP1" + (3).to_bytes(8, "big") + b"{]}",
            b"MLP1" + (14).to_bytes(8, "big") + b'{"blobs":[-1]}',
            b"MLP1" + (15).to_bytes(8, "big") + b'{"blobs":"abc"}',
            b"MLP1" + (9).to_bytes(8, "big") + b'{"a":NaN}',
            b"MLP1" + (400).to_bytes(8, "big") + b"[" * 200 + b"]" * 200,
        ],
    )
    def test_what_is_no_frame_is_refused(self, data: bytes) -> None:
        with pytest.raises(frames.FrameInvalid):
            frames.Reader(10_000).feed(data)

    @pytest.mark.parametrize(
        "data", [b"MLP1" + (2**60).to_bytes(8, "big"), b"MLP1" + (22).to_bytes(8, "big") + b'{"blobs":[9999999999]}']
    )
    def test_sizes_beyond_the_limit_are_refused_before_they_are_read(self, data: bytes) -> None:
        with pytest.raises(frames.FrameTooLarge):
            frames.Reader(1000).feed(data)

    def test_no_frame_carries_nan(self) -> None:
        with pytest.raises(ValueError, match="JSON"):
            frames.encode({"value": float("nan")})


@pytest.mark.parametrize(("column", "architecture"), [(0, 0xC000003E), (1, 0xC00000B7)])
def test_the_filter_fits_the_kernels_limits_on_both_architectures(column: int, architecture: int) -> None:
    lines = seccomp.program(column, architecture, 42)
    assert len(lines) < 4096
    for at, (code, if_true, if_false, _) in enumerate(lines):
        if code & 0x07 == 0x05:
            assert at + 1 + max(if_true, if_false) < len(lines)
    assert lines[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)
